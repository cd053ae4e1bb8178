"""The system page: queues with pause and drain, workers, and what Kadr stands on."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from classifier import bell, queues, system
from classifier.admin.read_only import ReadOnlyAdmin
from classifier.models import WorkQueue
from classifier.models.work_queue import QueueName, QueueState

CHANGE_QUEUE = "classifier.change_workqueue"


@admin.register(WorkQueue)
class SystemAdmin(ReadOnlyAdmin):
    """Its list is the page."""

    for_all_staff = True

    def get_urls(self) -> list[Any]:
        change = self.admin_site.admin_view(change_queue)
        return [
            path("<str:name>/<str:state>/", change, name="classifier_queue"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("System"),
            "queues": queues.depths(),
            "workers": system.workers(),
            "parts": system.parts(),
            "now": timezone.now(),
            "may_change": request.user.has_perm(CHANGE_QUEUE),
        }
        return render(request, "admin/kadr/system.html", context)


@require_POST
@permission_required(CHANGE_QUEUE, raise_exception=True)
def change_queue(request: HttpRequest, name: str, state: str) -> HttpResponse:
    """Open, drain or pause a queue."""
    if name in QueueName.values and state in QueueState.values:
        WorkQueue.objects.change(name, state, request.user)
        changed = WorkQueue.objects.filter(pk=name)
        LogEntry.objects.log_actions(request.user.pk or 0, changed, CHANGE, state)
        bell.ring()  # what waited in a queue that was opened
        labels = QueueName(name).label, QueueState(state).label
        messages.success(request, f"{labels[0]}: {labels[1]}")
    return redirect("admin:classifier_workqueue_changelist")
