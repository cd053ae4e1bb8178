"""Candidates: tried, watched, promoted, and gone back from with one click."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from classifier import installed_models
from classifier.admin.read_only import ReadOnlyAdmin
from classifier.models import ModelActivation, Trial
from classifier.models.trial import TrialKind
from classifier.promotion import serving, trials
from classifier.promotion.refused import Refused
from classifier.promotion.report_page import model_of, report_of

ACTIVATE = "classifier.add_modelactivation"
FLIPS = 60  # thumbnails on a page


class TrialForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    candidate = forms.ChoiceField(label=_("candidate"))

    class Meta:
        model = Trial
        fields = ("kind", "share", "sample")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [m.name for m in installed_models.installed() if m.manifest]
        self.fields["candidate"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["sample"].help_text = _("Of a gate: recent pictures beside the reviewed ones.")
        self.fields["share"].help_text = _("Of a shadow: above 0, at most 1.")

    def clean(self) -> dict[str, Any]:
        """Begins the trial, for what is wrong with a candidate is told in the form."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.begun = self._begin(cleaned)
            except Refused as refused:
                raise forms.ValidationError(str(refused)) from refused
        return cleaned

    def _begin(self, cleaned: dict[str, Any]) -> Trial:
        if cleaned["kind"] == TrialKind.SHADOW:
            return trials.begin_shadow(cleaned["candidate"], cleaned["share"] or 0)
        return trials.begin_gate(cleaned["candidate"], sample=cleaned["sample"])

    def validate_unique(self) -> None:
        """The row is made by `clean`, in the one way there is."""

    validate_constraints = validate_unique


@admin.register(Trial)
class TrialAdmin(ReadOnlyAdmin):
    for_all_staff = True
    form = TrialForm
    list_display = (
        "name",
        "kind",
        "status",
        "active_name",
        "progress",
        "user",
        "created_at",
        "finished_at",
    )
    list_filter = ("kind", "status")
    list_select_related = ("user",)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.has_perm("classifier.add_trial"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else ("candidate", "kind", "sample", "share")

    def save_model(self, request: HttpRequest, obj: Trial, form: Any, change: Any) -> None:
        begun = form.begun
        Trial.objects.filter(pk=begun.pk, user=None).update(user=request.user)
        obj.pk, obj.name, obj.kind = begun.pk, begun.name, begun.kind

    def response_add(self, request: HttpRequest, obj: Trial, *args: Any) -> HttpResponse:
        return redirect("admin:classifier_trial_change", obj.pk)

    @admin.display(description=_("pictures"))
    def progress(self, trial: Trial) -> str:
        return "{} / {}".format(*trial.progress())

    def get_urls(self) -> list[Any]:
        def of(view: Any, name: str) -> Any:
            url = f"<uuid:pk>/{name}/"
            return path(url, self.admin_site.admin_view(view), name=f"classifier_trial_{name}")

        return [of(promote, "promote"), of(cancel, "cancel"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """What it found so far, with the pictures on which the two models disagree."""
        trial = self.get_object(request, object_id)
        if trial is None:
            raise Http404
        flips = trial.answers.flips().filter(
            prediction__image__trashed_at=None, prediction__image__quarantined_at=None
        )
        chosen = {
            name: request.GET[name] for name in ("active_label", "label") if name in request.GET
        }
        done, total = trial.progress()
        model = model_of(trial)
        context = {
            **self.admin_site.each_context(request),
            "title": str(trial),
            "trial": trial,
            "done": done,
            "total": total,
            "model": model,
            "report": report_of(trial, model),
            "chosen": chosen,
            "flips": flips.filter(**chosen).select_related("prediction").order_by("-pk")[:FLIPS],
            "may_promote": request.user.has_perm(ACTIVATE),
            "may_cancel": request.user.has_perm("classifier.change_trial"),
            "serves": installed_models.serves(trial.digest),
        }
        return render(request, "admin/kadr/trial.html", context)


@require_POST
@permission_required(ACTIVATE, raise_exception=True)
def promote(request: HttpRequest, pk: Any) -> HttpResponse:
    """Let the candidate serve; past a limit only with a reason."""
    trial = get_object_or_404(Trial, pk=pk)
    told = request.POST.get("reason", "")
    try:
        row = serving.promote(trial, request.user, force=told, reason=told)  # type: ignore[arg-type]
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("admin:classifier_trial_change", pk)
    _tell(request, row)
    return redirect("admin:classifier_modelactivation_changelist")


@require_POST
@permission_required("classifier.change_trial", raise_exception=True)
def cancel(request: HttpRequest, pk: Any) -> HttpResponse:
    Trial.objects.filter(pk=pk).cancel()
    return redirect("admin:classifier_trial_change", pk)


@require_POST
@permission_required(ACTIVATE, raise_exception=True)
def back(request: HttpRequest) -> HttpResponse:
    """Let the model serve again that did before."""
    try:
        _tell(request, serving.back(request.user))  # type: ignore[arg-type]  # staff
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("admin:classifier_modelactivation_changelist")


def _tell(request: HttpRequest, row: ModelActivation) -> None:
    text = gettext("{name} serves from now on; workers are changing over.")
    messages.success(request, text.format(name=row.name))


@admin.register(ModelActivation)
class ModelActivationAdmin(ReadOnlyAdmin):
    """Every change of the model that serves, and the way back."""

    for_all_staff = True
    list_display = ("name", "short_digest", "user", "reason", "forced", "trial", "created_at")
    list_select_related = ("user", "trial")
    change_list_template = "admin/kadr/activations.html"

    @admin.display(description=_("digest"))
    def short_digest(self, row: ModelActivation) -> str:
        return row.digest[:12]

    def get_urls(self) -> list[Any]:
        url = path("back/", self.admin_site.admin_view(back), name="classifier_back")
        return [url, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        former = serving.way_back() if request.user.has_perm(ACTIVATE) else None
        context = {**(extra_context or {}), "way_back": former}
        return super().changelist_view(request, context)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ModelActivation]":
        return super().get_queryset(request).order_by("-pk")
