"""What was sent, and what was answered."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from classifier.admin import actions
from classifier.admin.filters import DaysFilter, ErrorFilter, LabelFilter
from classifier.admin.read_only import ReadOnlyAdmin, owner_name, thumbnail
from classifier.models import Batch, Image, Prediction
from classifier.templatetags import kadr


@admin.register(Prediction)
class PredictionAdmin(actions.AnswerActions, ReadOnlyAdmin):
    for_all_staff = True
    list_display = (
        "preview",
        "status",
        "label",
        "percent",
        "model",
        "owned_by",
        "created_at",
        "attempt",
        "error_code",
    )
    list_display_links = ("status",)
    list_filter = (
        "status",
        ("label", LabelFilter),
        "off_topic",
        "model",
        "source",
        ("error_code", ErrorFilter),
        ("image__quarantined_at", admin.EmptyFieldListFilter),
        ("corrected_at", admin.EmptyFieldListFilter),
        ("created_at", DaysFilter),
    )
    list_select_related = ("image", "model", "owner")
    list_per_page = 50
    search_fields = ("id", "image__name", "image__sha256", "owner__username", "label")
    search_help_text = _("Id, file name, SHA-256, user or label")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Without what is in the trash: that is seen by nobody."""
        return super().get_queryset(request).filter(image__trashed_at=None)

    @admin.display(description=_("image"))
    def preview(self, prediction: Prediction) -> SafeString | str:
        return thumbnail(prediction.image)

    @admin.display(description=_("confidence"), ordering="confidence")
    def percent(self, prediction: Prediction) -> str:
        return kadr.percent(prediction.confidence)

    @admin.display(description=_("owner"))
    def owned_by(self, prediction: Prediction) -> str:
        return owner_name(prediction)


@admin.register(Image)
class ImageAdmin(actions.PictureActions, ReadOnlyAdmin):
    for_all_staff = True
    list_display = (
        "preview_image",
        "name",
        "size",
        "byte_size",
        "owned_by",
        "created_at",
        "quarantined_at",
    )
    list_display_links = ("name",)
    list_filter = (("quarantined_at", admin.EmptyFieldListFilter), ("created_at", DaysFilter))
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("id", "name", "sha256", "owner__username")
    readonly_fields = ("preview_image",)
    # Neither file is linked to: the original is never served, the preview stands above.
    exclude = ("original", "preview")

    def get_urls(self) -> list[Any]:
        return [*actions.urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        return super().get_queryset(request).filter(trashed_at=None)

    @admin.display(description=_("image"))
    def preview_image(self, image: Image) -> SafeString | str:
        return thumbnail(image)

    @admin.display(description=_("pixels"))
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}"

    @admin.display(description=_("owner"))
    def owned_by(self, image: Image) -> str:
        return owner_name(image)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("classifier.delete_image"))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        if actions.are_too_many(objs):  # before all that goes is gathered
            text = gettext(
                "Choose at most {n} at once. More are deleted by a command: "
                "python manage.py purge --help"
            )
            return [], {}, set(), [text.format(n=actions.MOST)]
        # Predictions go with their image, though nobody may delete one by itself.
        shown, counts, _perms_needed, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Image) -> None:
        obj.erase()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        Image.objects.erase_each(queryset)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = ("id", "owned_by", "created_at", "sealed_at", "finished_at")
    list_select_related = ("owner",)
    list_per_page = 50
    ordering = ("-id",)  # as they came: an id begins with its moment
    search_fields = ("id", "owner__username")
    readonly_fields = ("counts", "predictions")

    @admin.display(description=_("owner"))
    def owned_by(self, batch: Batch) -> str:
        return owner_name(batch)

    @admin.display(description=_("items"))
    def counts(self, batch: Batch) -> str:
        return ", ".join(f"{name} {n}" for name, n in batch.progress().counts.items() if n)

    @admin.display(description=_("predictions"))
    def predictions(self, batch: Batch) -> SafeString:
        url = reverse("admin:classifier_prediction_changelist")
        return format_html('<a href="{}?batch__id__exact={}">{}</a>', url, batch.pk, _("show"))
