"""The owner's «wrong» on the page of an answer. The API's is in classifier/api/disputes.py."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from classifier.models import Owner, Prediction, Review, Status
from classifier.problems import Problem


@require_POST
def dispute(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form: the right class, "" for none of them; or a word taken back."""
    row = get_object_or_404(Prediction.objects.owned_by(Owner.of(request)), pk=pk)
    try:
        _say(row, request.POST.get("label"))
    except Problem as problem:
        messages.error(request, f"{problem.title}. {problem.detail}")
    return redirect("prediction", pk=pk)


def _say(row: Prediction, label: str | None) -> None:
    if label is None:
        Review.objects.take_back(row)
    else:
        Review.objects.dispute(row, label)


def opinions(row: Prediction) -> dict[str, Any]:
    """What people have said of an answer, and what its owner may still say."""
    if row.status != Status.SUCCEEDED or row.model is None:
        return {}
    about = Review.objects.select_related("model")
    return {
        "checked": about.current().filter(image=row.image_id).first(),
        "disputed": about.filter(prediction=row, by_owner=True).not_withdrawn().first(),
        "others": [
            {"label": c["id"], "name": row.model.label_name(c["id"])}
            for c in row.model.classes
            if c["id"] != row.label
        ],
    }
