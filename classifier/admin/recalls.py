"""Versions that were withdrawn, and what became of each of their answers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from classifier import bell, installed_models, recalls
from classifier.admin.actions import Operating
from classifier.admin.filters import LabelFilter
from classifier.admin.read_only import ReadOnlyAdmin, owner_name, thumbnail
from classifier.models import Correction, Recall
from classifier.models.correction import OPEN
from classifier.models.recall import RecallQuerySet


class RecallForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Recall
        fields = ("model", "reason")

    def clean(self) -> dict[str, Any]:
        """Nothing but the version is asked for, and nothing is saved by the form itself."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("model") is None:
            self.add_error("model", gettext("Choose the version that is to be withdrawn."))
        elif installed_models.serves(cleaned["model"].digest):
            self.add_error("model", gettext("It serves: activate another model first."))
        return cleaned

    def validate_unique(self) -> None:
        """One that is not completed is gone on with."""

    validate_constraints = validate_unique


@admin.register(Recall)
class RecallAdmin(Operating, ReadOnlyAdmin):
    for_all_staff = True
    form = RecallForm
    list_display = ("__str__", "status", "progress", "reason", "user", "created_at", "finished_at")
    list_filter = ("status",)
    list_select_related = ("model", "user")
    readonly_fields = ("progress", "differences")
    actions = ("stop", "go_on")

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.has_perm("classifier.add_recall"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else ("model", "reason")

    def save_model(self, request: HttpRequest, obj: Recall, form: Any, change: Any) -> None:
        """Begin it, or go on with the one there is; the jobs process finds its answers."""
        assert obj.model is not None, "the form asks for it"
        begun = recalls.begin(obj.model, reason=obj.reason, user=request.user)
        obj.pk = begun.pk

    @admin.display(description=_("checked"))
    def progress(self, recall: Recall) -> str:
        counts = recall.counts()
        left = sum(counts.get(status, 0) for status in OPEN)
        return gettext("{done} of {total}, {changed} changed").format(
            done=counts["total"] - left,
            total=counts["total"],
            changed=counts.get("changed", 0),
        )

    @admin.display(description=_("differences"))
    def differences(self, recall: Recall) -> SafeString:
        url = reverse("admin:classifier_correction_changelist")
        query = f"recall__id__exact={recall.pk}&status__exact=changed"
        return format_html('<a href="{}?{}">{}</a>', url, query, _("show"))

    @admin.action(description=_("Stop"), permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: RecallQuerySet) -> None:
        changed = Recall.objects.filter(pk__in=queryset.values("pk")).stop()
        self.tell(request, changed, queryset, gettext("Stopped"))

    @admin.action(description=_("Go on"), permissions=["operate"])
    def go_on(self, request: HttpRequest, queryset: RecallQuerySet) -> None:
        changed = Recall.objects.filter(pk__in=queryset.values("pk")).go_on()
        bell.ring()
        self.tell(request, changed, queryset, gettext("Going on"))


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    for_all_staff = True
    list_display = (
        "preview",
        "status",
        "label_before",
        "label_after",
        "owned_by",
        "model_before",
        "finished_at",
        "error_code",
    )
    list_display_links = ("status",)
    list_filter = (
        "status",
        "recall",
        ("label_before", LabelFilter),
        ("label_after", LabelFilter),
    )
    list_select_related = ("prediction__image", "prediction__owner", "model_before")
    list_per_page = 50
    search_fields = ("prediction__id",)
    exclude = ("fence", "lease_until", "prediction")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Correction]":
        rows = super().get_queryset(request)
        return rows.filter(prediction__deleted_at=None, prediction__image__trashed_at=None)

    @admin.display(description=_("image"))
    def preview(self, row: Correction) -> SafeString | str:
        return thumbnail(row.prediction.image)

    @admin.display(description=_("owner"))
    def owned_by(self, row: Correction) -> str:
        return owner_name(row.prediction)
