"""What the random audit says of the answers, for the people who run the site."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier.api.schema import problems
from classifier.api.scopes import TokenHasScope
from classifier.api.stats_serializers import AccuracySerializer
from classifier.problems import Problem
from classifier.statistics import asked, period
from classifier.statistics.accuracy import Accuracy
from classifier.statistics.agreement import Agreement
from classifier.statistics.estimate import NONE, Estimate
from classifier.statistics.period import Period

DIGITS = 4


class StaffOnly(BasePermission):
    """What everybody's pictures say together is for who runs the site."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise Problem("LOGIN_REQUIRED")
        return request.user.is_staff


class AccuracyOfAnswers(APIView):
    permission_classes = (TokenHasScope, StaffOnly)

    @extend_schema(
        operation_id="stats_accuracy_retrieve",
        parameters=[
            OpenApiParameter(
                "days", {"type": "integer", "enum": list(period.DAYS), "default": period.DEFAULT}
            ),
            OpenApiParameter("model", str, description="A name, or how its digest begins."),
        ],
        responses={200: AccuracySerializer, **problems(400, 401, 403, 406, 422, 429)},
    )
    def get(self, request: Request) -> Response:
        """How often answers are right on live traffic, estimated without bias from the random
        audit, with 95 % intervals. For staff."""
        days = asked.days(request.query_params.get("days"))
        model = asked.model(request.query_params.get("model"))
        return Response(as_dict(Accuracy(Period.last(days), model)))


def as_dict(told: Accuracy) -> dict[str, Any]:
    return {
        "since": told.period.since,
        "until": told.period.until,
        "model": told.model.digest if told.model else None,
        "audit": {
            "state": told.state,
            "drawn": len(told.audit.drawn),
            "reviewed": told.audit.reviewed,
            "stands_for": told.answers,
            "complete": not told.cut,
        },
        "accuracy": estimate(told.overall),
        "accuracy_of_the_classes": estimate(told.of_the_classes),
        "none_of_the_classes": estimate(told.none_of_the_classes),
        "models": [
            {"name": model.name, "digest": model.digest, "accuracy": estimate(e)}
            for model, e in told.by_model
        ],
        "classes": [
            {
                "label": label,
                "precision": estimate(told.precision.get(label)),
                "recall": estimate(told.recall.get(label)),
            }
            for label in told.labels
            if label != NONE
        ],
        "over_time": [
            {"start": start, "accuracy": estimate(told.over_time.get(place))}
            for place, start in enumerate(told.period.parts)
        ],
        "confusion": {
            "labels": told.labels,
            "counts": [[told.confusion[a, b] for b in told.labels] for a in told.labels],
        },
        "calibration": {
            "error": rounded(told.calibration_error),
            "bins": [
                {
                    "confidence": rounded(b.confidence),
                    "share": rounded(b.share),
                    "accuracy": estimate(b.accuracy),
                }
                for b in told.calibration
            ],
        },
        "agreement": agreement(told.agreement),
    }


def estimate(e: Estimate | None) -> dict[str, Any] | None:
    if e is None:
        return None
    return {
        "value": rounded(e.value),
        "interval_95": [rounded(e.low), rounded(e.high)],
        "n": e.n,
        "effective_n": round(e.effective, 1),
    }


def agreement(told: Agreement | None) -> dict[str, Any] | None:
    if told is None:
        return None
    interval = None if told.kappa is None else [rounded(told.low), rounded(told.high)]
    shares = {"observed": rounded(told.observed), "kappa": rounded(told.kappa)}
    return {"n": told.n, **shares, "interval_95": interval}


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
