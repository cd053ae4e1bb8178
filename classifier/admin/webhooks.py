"""Whom the service tells, and what it has told."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from classifier.admin.actions import Operating
from classifier.admin.filters import AnsweredFilter, DaysFilter
from classifier.admin.read_only import ReadOnlyAdmin
from classifier.models import WebhookDelivery, WebhookEndpoint
from classifier.models.webhook import Disabled
from classifier.models.webhook_delivery import WebhookDeliveryQuerySet


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Operating, ReadOnlyAdmin):
    list_display = ("url", "user", "enabled", "disabled_reason", "failing_since", "created_at")
    list_filter = ("enabled", "disabled_reason", "created_at")
    list_select_related = ("user",)
    search_fields = ("id", "url", "description", "user__username")
    exclude = ("secret", "previous_secret")
    actions = ("enable", "disable")

    @admin.action(description=_("Enable"), permissions=["operate"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        chosen = WebhookEndpoint.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("Changed: {n}").format(n=chosen.enable()))

    @admin.action(description=_("Disable"), permissions=["operate"])
    def disable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        chosen = WebhookEndpoint.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("Changed: {n}").format(n=chosen.disable(Disabled.STAFF)))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Operating, ReadOnlyAdmin):
    list_display = (
        "id",
        "event",
        "endpoint",
        "status",
        "attempt",
        "last_status",
        "last_error",
        "next_attempt_at",
        "created_at",
    )
    list_filter = ("status", "event", AnsweredFilter, ("created_at", DaysFilter))
    list_select_related = ("endpoint",)
    list_per_page = 50
    search_fields = ("id", "endpoint__url", "endpoint__user__username")
    exclude = ("fence",)
    actions = ("replay",)

    @admin.action(description=_("Send again"), permissions=["operate"])
    def replay(self, request: HttpRequest, queryset: WebhookDeliveryQuerySet) -> None:
        if self.too_many(request, queryset):
            return
        chosen = WebhookDelivery.objects.filter(pk__in=queryset.values("pk"))
        self.message_user(request, _("To be sent again: {n}").format(n=chosen.replay()))
