"""The statistics page of the admin, and the pictures behind a cell of its matrix."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from classifier.model_card import shade
from classifier.models import ModelVersion, Prediction
from classifier.problems import Problem
from classifier.statistics import asked, drawing, period, traffic
from classifier.statistics.accuracy import Accuracy
from classifier.statistics.estimate import NONE
from classifier.statistics.period import Period
from classifier.statistics.traffic import Traffic

SHOWN = 200  # pictures of a cell


@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    told = _told(request)
    names = label_names()
    seen = Traffic(told.model)
    context = {
        **admin.site.each_context(request),
        "title": _("Statistics"),
        "told": told,
        "days": period.DAYS,
        "models": ModelVersion.objects.all(),
        "query": _query(told),
        "over_time": drawing.over_time(told),
        "calibration": drawing.calibration(told),
        "by_class": by_class(told, names),
        "confusion": confusion(told, names),
        "columns": [names.get(label, label) for label in told.labels if label != NONE],
        "traffic": seen,
        "shifts": [(names.get(b.shift.label, b.shift.label), b) for b in drawing.bars(seen.shifts)],
        "taken_in": drawing.taken_in(traffic.taken_in(told.period)),
        "waiting": traffic.waiting(),
        "failures": [(Problem(code), n) for code, n in seen.failures],
    }
    return render(request, "admin/statistics.html", context)


@never_cache
@require_safe
def pictures(request: HttpRequest) -> HttpResponse:
    """The audited pictures of one cell: what they show, and what was answered."""
    told, names = _told(request), label_names()
    truth, answer = request.GET.get("truth", NONE), request.GET.get("answer", "")
    found = [
        row.task
        for row in told.audit.drawn
        if (row.truth, row.answer) == (truth, answer) and row.task
    ]
    rows = Prediction.objects.filter(review_tasks__in=found[:SHOWN]).select_related(
        "image", "model"
    )
    context = {
        **admin.site.each_context(request),
        "title": f"{names.get(truth, truth)} → {names.get(answer, answer)}",
        "rows": rows.order_by("confidence" if truth == answer else "-confidence"),
        "total": len(found),
        "query": _query(told),
    }
    return render(request, "admin/statistics_pictures.html", context)


def _told(request: HttpRequest) -> Accuracy:
    """Raises Http404 for a period or a model that there is not."""
    try:
        days = asked.days(request.GET.get("days"))
        return Accuracy(Period.last(days), asked.model(request.GET.get("model") or None))
    except Problem as problem:
        raise Http404 from problem


def _query(told: Accuracy) -> str:
    model = {"model": told.model.digest} if told.model else {}
    return urlencode({"days": told.period.days, **model})


def label_names() -> dict[str, str]:
    """What each class of each model is called, the newest model's name for it first."""
    names = {NONE: _("none of the classes")}
    for version in ModelVersion.objects.all():
        for c in version.classes:
            names.setdefault(c["id"], version.label_name(c["id"]))
    return names


def by_class(told: Accuracy, names: dict[str, str]) -> list[dict[str, Any]]:
    """Precision and recall of each class that was answered or said."""
    return [
        {
            "name": names.get(label, label),
            "precision": told.precision.get(label),
            "recall": told.recall.get(label),
        }
        for label in told.labels
        if label != NONE
    ]


def confusion(told: Accuracy, names: dict[str, str]) -> list[dict[str, Any]]:
    """A row for each truth; each cell knows its count, its shade and what it opens."""
    return [
        {"name": names.get(truth, truth), "cells": _cells(told, truth)} for truth in told.labels
    ]


def _cells(told: Accuracy, truth: str) -> list[dict[str, Any]]:
    answers = [label for label in told.labels if label != NONE]
    whole = sum(told.confusion[truth, answer] for answer in answers)
    return [
        {
            "n": (n := told.confusion[truth, answer]),
            "right": truth == answer,
            "shade": 0 if truth == answer else shade(n, whole),
            "query": f"{_query(told)}&{urlencode({'truth': truth, 'answer': answer})}",
        }
        for answer in answers
    ]
