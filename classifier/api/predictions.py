"""Predictions: ask for one, wait for it, list, filter, delete."""

import re
import time
from typing import Any
from uuid import UUID

import django_filters
from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, pagination, status
from rest_framework.request import Request
from rest_framework.response import Response

from classifier.api.serializers import PredictionSerializer, ProblemSerializer, UploadSerializer
from classifier.models import Owner, Prediction, Status
from classifier.models.prediction import PredictionQuerySet
from classifier.problems import Problem
from classifier.submission import submit

RETRY_AFTER = "1"  # seconds
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)
PROBLEM = OpenApiResponse(ProblemSerializer, description="A refusal, as problem+json (RFC 9457)")


class PredictionFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    id = django_filters.BaseInFilter(method="with_ids", help_text="Several, comma-separated.")
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    label = django_filters.CharFilter(help_text="A class id, such as dog.")

    class Meta:
        model = Prediction
        fields = ("id", "status", "label")

    def with_ids(self, rows: PredictionQuerySet, _name: str, values: list[str]) -> Any:
        return rows.filter(pk__in=[pk for value in values if (pk := _uuid(value))])


class PredictionPagination(pagination.CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 24
    page_size_query_param = "page_size"
    max_page_size = 100


class PredictionList(generics.ListCreateAPIView[Prediction]):
    """Ask for a prediction, or list your own, newest first."""

    serializer_class = PredictionSerializer
    pagination_class = PredictionPagination
    filterset_class = PredictionFilter
    queryset = Prediction.objects.none()

    def get_queryset(self) -> PredictionQuerySet:
        owner = Owner.of(self.request)
        return Prediction.objects.owned_by(owner).select_related("image", "model")

    @extend_schema(
        request={"multipart/form-data": UploadSerializer},
        parameters=[
            OpenApiParameter(
                "Prefer",
                str,
                OpenApiParameter.HEADER,
                description="wait=N: answer with the result if it is there within N s, at most 30.",
            )
        ],
        responses={
            200: PredictionSerializer,
            202: PredictionSerializer,
            **dict.fromkeys((400, 401, 403, 413, 415, 422), PROBLEM),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        prediction = submit(request, one_file(request))
        seconds = preferred_wait(request.headers.get("Prefer", ""))
        if seconds is not None:
            prediction = wait_for(prediction, seconds)
        return self._answer(prediction, waited=seconds)

    def _answer(self, prediction: Prediction, waited: int | None) -> Response:
        done = prediction.is_final
        response = Response(
            self.get_serializer(prediction).data,
            status=status.HTTP_200_OK if done else status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/predictions/{prediction.id}"},
        )
        if not done:
            response["Retry-After"] = RETRY_AFTER
        if waited is not None:
            response["Preference-Applied"] = f"wait={waited}"
        return response


class PredictionDetail(generics.RetrieveDestroyAPIView[Prediction]):
    """One prediction. DELETE erases the image and its result for good."""

    serializer_class = PredictionSerializer
    queryset = Prediction.objects.none()

    def get_queryset(self) -> PredictionQuerySet:
        owner = Owner.of(self.request)
        return Prediction.objects.visible_to(owner).select_related("image", "model")

    def perform_destroy(self, prediction: Prediction) -> None:
        prediction.image.erase()

    @extend_schema(responses={200: PredictionSerializer, 404: PROBLEM})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        if response.data["status"] in (Status.QUEUED, Status.RUNNING):
            response["Retry-After"] = RETRY_AFTER
        return response


def one_file(request: Request) -> Any:
    """The file in the field `image`. Raises Problem where there is none or more than one."""
    files = request.FILES.getlist("image")
    if not files:
        raise Problem("IMAGE_MISSING")
    if len(files) > 1:
        raise Problem("INVALID_REQUEST", _("Send one picture a request."))
    return files[0]


def preferred_wait(header: str) -> int | None:
    """The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), capped; None without them."""
    match = WAIT.search(header)
    return min(int(match[1]), settings.MAX_WAIT_SECONDS) if match else None


def wait_for(prediction: Prediction, seconds: int) -> Prediction:
    """The prediction once it is final, or as it is when the time is up."""
    rows = Prediction.objects.select_related("image", "model")
    deadline, pause = time.monotonic() + seconds, 0.005
    while not prediction.is_final and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.2, 0.2)
        prediction = rows.get(pk=prediction.pk)
    return prediction


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
