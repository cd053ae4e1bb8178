"""What people said of answers, and what is waiting for them. Reviewing has a page of its own
(classifier/review/)."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from classifier.admin.filters import DaysFilter, LabelFilter
from classifier.admin.read_only import ReadOnlyAdmin, thumbnail
from classifier.dataset import asking
from classifier.models import Review, ReviewTask


class OpenTasks(admin.SimpleListFilter):
    """Those that wait, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("open")), ("settled", _("settled"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() is None:
            return queryset
        return queryset.filter(settled_at__isnull=self.value() == "open")


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    for_all_staff = True
    change_list_template = "admin/review_list.html"
    list_display = (
        "preview",
        "verdict",
        "label",
        "answered",
        "model",
        "by",
        "stands",
        "created_at",
    )
    list_display_links = ("verdict",)
    list_filter = (
        "verdict",
        "by_owner",
        ("label", LabelFilter),
        "model",
        "reviewer",
        ("created_at", DaysFilter),
    )
    list_select_related = ("image", "prediction", "model", "reviewer", "withdrawal")
    list_per_page = 50
    search_fields = ("prediction__id", "image__sha256", "reviewer__username", "label")
    actions = ("export_dataset",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(image__trashed_at=None)

    @admin.action(description=_("Export as a data set"), permissions=["view"])
    def export_dataset(self, request: HttpRequest, queryset: Any) -> None:
        images = queryset.order_by().values_list("image", flat=True).distinct()
        asking.of_images(request, images[: asking.MOST + 1])

    @admin.display(description=_("image"))
    def preview(self, review: Review) -> SafeString | str:
        return thumbnail(review.image)

    @admin.display(description=_("answer"))
    def answered(self, review: Review) -> SafeString:
        url = reverse("prediction", args=[review.prediction_id])
        return format_html('<a href="{}">{}</a>', url, review.prediction.label)

    @admin.display(description=_("reviewer"), ordering="reviewer")
    def by(self, review: Review) -> str:
        if review.by_owner:
            return str(_("the owner"))
        return str(review.reviewer or _("a deleted user"))

    @admin.display(description=_("stands"), boolean=True)
    def stands(self, review: Review) -> bool:
        return not hasattr(review, "withdrawal") and review.withdraws_id is None


@admin.register(ReviewTask)
class ReviewTaskAdmin(ReadOnlyAdmin):
    for_all_staff = True
    change_list_template = "admin/review_list.html"
    list_display = (
        "preview",
        "stream",
        "proposed",
        "inclusion_probability",
        "created_at",
        "settled_at",
    )
    list_display_links = ("stream",)
    list_filter = (OpenTasks, "stream", ("created_at", DaysFilter))
    list_select_related = ("prediction__image",)
    list_per_page = 50
    search_fields = ("prediction__id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .filter(prediction__image__isnull=False, prediction__image__trashed_at=None)
        )

    @admin.display(description=_("image"))
    def preview(self, task: ReviewTask) -> SafeString | str:
        return thumbnail(task.prediction.image)
