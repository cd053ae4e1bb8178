"""What staff can do to rows of a list at once. Each says how many rows it changed, and each change
is noted in the admin's log."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from classifier import bell, recalls
from classifier.models import Image, Prediction, Status
from classifier.models.prediction_queue import PredictionQuerySet

MOST = recalls.MOST_BY_HAND  # rows that are changed one by one in a request
TRASHED = "trashed by staff"  # in the session: what Undo brings back


class Operating:
    """For a ModelAdmin whose rows can be acted on by whoever may change them."""

    opts: Any
    model: Any
    message_user: Any

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"classifier.change_{self.opts.model_name}"))

    def has_trash_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("classifier.delete_image"))

    def tell(self, request: HttpRequest, changed: int, chosen: "QuerySet[Any]", what: str) -> None:
        """What came of it, on the page and in the log."""
        LogEntry.objects.log_actions(
            user_id=request.user.pk or 0,
            queryset=chosen.order_by()[:MOST],
            action_flag=CHANGE,
            change_message=what,
        )
        level = messages.SUCCESS if changed else messages.WARNING
        self.message_user(request, gettext("{what}: {n}").format(what=what, n=changed), level)

    def too_many(self, request: HttpRequest, chosen: "QuerySet[Any]") -> bool:
        """Refuse more than one request can change."""
        if not are_too_many(chosen.order_by()):
            return False
        text = gettext("Choose at most {n} at once. Nothing was changed.").format(n=MOST)
        self.message_user(request, text, messages.ERROR)
        return True


class PictureActions(Operating):
    """For lists whose rows are pictures or have one."""

    actions: Any = ("trash", "quarantine", "release")

    @admin.action(description=_("Delete, with undo"), permissions=["trash"])
    def trash(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        if not settings.TRASH_HOURS:
            text = gettext("The trash is switched off, so this could not be undone.")
            self.message_user(request, text, messages.ERROR)
        elif not self.too_many(request, queryset):
            pictures = list(pictures_of(queryset).filter(trashed_at=None))
            for image in pictures:
                image.trash()
            self.tell(request, len(pictures), queryset, gettext("Deleted"))
            offer_undo(request, pictures)

    @admin.action(description=_("Quarantine: set the picture aside"), permissions=["operate"])
    def quarantine(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        if not self.too_many(request, queryset):
            changed = sum(image.quarantine() for image in pictures_of(queryset))
            self.tell(request, changed, queryset, gettext("Set aside"))

    @admin.action(description=_("Release from quarantine"), permissions=["operate"])
    def release(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        if not self.too_many(request, queryset):
            changed = sum(image.release() for image in pictures_of(queryset))
            bell.ring()
            self.tell(request, changed, queryset, gettext("Released"))


class AnswerActions(PictureActions):
    """For the list of predictions."""

    actions: Any = ("retry_failed", "cancel_queued", "run_again", *PictureActions.actions)

    @admin.action(description=_("Retry what failed"), permissions=["operate"])
    def retry_failed(self, request: HttpRequest, queryset: PredictionQuerySet) -> None:
        # First what is few, by an index of its own; then the rows without the joins of the list.
        failed = queryset.filter(status=Status.FAILED).exclude(error_code="")
        changed = chosen(failed).filter(status=Status.FAILED).retry()
        bell.ring()
        self.tell(request, changed, queryset, gettext("Queued again"))

    @admin.action(description=_("Cancel what is queued"), permissions=["operate"])
    def cancel_queued(self, request: HttpRequest, queryset: PredictionQuerySet) -> None:
        changed = chosen(queryset.filter(status=Status.QUEUED)).waiting().cancel()
        self.tell(request, changed, queryset, gettext("Canceled"))

    @admin.action(description=_("Ask again, of the model that serves"), permissions=["operate"])
    def run_again(self, request: HttpRequest, queryset: PredictionQuerySet) -> None:
        if not self.too_many(request, queryset):
            changed = recalls.again(chosen(queryset), user=request.user)
            self.tell(request, changed, queryset, gettext("To be asked again"))


def are_too_many(rows: "QuerySet[Any] | list[Any]") -> bool:
    """More than one request can change, found out without a count of all."""
    return bool(rows[MOST : MOST + 1])


def chosen(queryset: "QuerySet[Any]") -> PredictionQuerySet:
    """The same rows without the list's joins, which an UPDATE cannot have."""
    return Prediction.objects.filter(pk__in=queryset.order_by().values("pk"))


def pictures_of(queryset: "QuerySet[Any]") -> "QuerySet[Image]":
    column = "pk" if queryset.model is Image else "image"
    return Image.objects.filter(pk__in=queryset.order_by().values(column))


def offer_undo(request: HttpRequest, pictures: list[Image]) -> None:
    request.session[TRASHED] = [str(image.pk) for image in pictures]
    form = (
        '<form action="{}" method="post"><input type="hidden" name="csrfmiddlewaretoken" '
        'value="{}"><button class="button">{}</button></form>'
    )
    text = gettext("Undo")
    if pictures:
        undo_url = reverse("admin:classifier_image_undo")
        messages.info(request, format_html(form, undo_url, get_token(request), text))


@permission_required("classifier.delete_image", raise_exception=True)
def undo(request: HttpRequest) -> HttpResponse:
    """Bring back what this person deleted last."""
    if request.method == "POST":
        ids = request.session.pop(TRASHED, [])
        restored = sum(image.restore() for image in Image.objects.filter(pk__in=ids))
        bell.ring()
        text = ngettext("{n} picture is back.", "{n} pictures are back.", restored)
        level = messages.SUCCESS if restored else messages.WARNING
        messages.add_message(request, level, text.format(n=restored))
    return redirect("admin:classifier_image_changelist")


def urls() -> list[Any]:
    return [path("undo/", admin.site.admin_view(undo), name="classifier_image_undo")]
