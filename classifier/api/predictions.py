"""Predictions: ask for one, wait for it, list, filter, cancel, retry, delete."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier import bell
from classifier.api import params
from classifier.api.conditional import conditional
from classifier.api.filters import PredictionFilter
from classifier.api.idempotent import once
from classifier.api.pagination import NewestFirst
from classifier.api.schema import CONDITIONAL, IDEMPOTENCY_KEY, problems
from classifier.api.serializers import (
    AskAgainSerializer,
    AttemptSerializer,
    PredictionSerializer,
    UploadSerializer,
    representation,
)
from classifier.models import IdempotencyKey, Owner, Prediction
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.models.prepared import Prepared, PreparedRow
from classifier.models.status import FINAL
from classifier.problems import Problem
from classifier.submission import ask_again, submit

RETRY_AFTER = "1"  # seconds
SOONEST, SELDOM = 0.002, 0.2  # seconds between two looks whether an answer is there
STATUS = Prepared(
    lambda pk: Prediction.objects.filter(pk=pk).order_by().values_list("status"), UUID(int=1)
)
WHOLE = PreparedRow(
    lambda pk: Prediction.objects.filter(pk=pk).order_by(),
    UUID(int=1),
    related=("image", "model"),
)
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)
PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="wait=N: answer with the result if it is there within N s, at most 30.",
)
FOREVER = OpenApiParameter("forever", bool, description="Erase it at once, past the trash.")


class PredictionList(generics.ListCreateAPIView[Prediction]):
    """Ask for a prediction, or list your own, newest first."""

    serializer_class = PredictionSerializer
    pagination_class = NewestFirst
    filterset_class = PredictionFilter
    parser_classes = (MultiPartParser, JSONParser)
    queryset = Prediction.objects.none()

    def get_queryset(self) -> PredictionQuerySet:
        owner = Owner.of(self.request)
        # Who polls named ones may be staff who looks at somebody's page.
        named = "id" in self.request.query_params
        rows = Prediction.objects.visible_to(owner) if named else Prediction.objects.owned_by(owner)
        return rows.kept().select_related("image", "model")

    @extend_schema(
        request={"multipart/form-data": UploadSerializer, "application/json": AskAgainSerializer},
        parameters=[PREFER, IDEMPOTENCY_KEY],
        responses={
            200: PredictionSerializer,
            202: PredictionSerializer,
            **problems(400, 401, 403, 409, 413, 415, 422, 429, 503),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Send a picture, or name one that was sent before, and get its class."""
        return once(request, self._create, self._resume)

    def _create(self, key: IdempotencyKey | None) -> Response:
        request = self.request
        data = params.mapping(request.data)
        asked = params.asked_for(data)
        if _is_json(request):
            image_id = _uuid(data.get("image_id"))
            prediction = ask_again(Owner.of(request), image_id, key, **asked)
        else:
            prediction = submit(request, params.one_file(request), key, **asked)
        return self._answer(prediction)

    def _resume(self, pk: UUID) -> Response:
        return self._answer(get_object_or_404(self.get_queryset(), pk=pk))

    def _answer(self, prediction: Prediction) -> Response:
        waited = preferred_wait(self.request.headers.get("Prefer", ""))
        if waited is not None:
            prediction = wait_for(prediction, waited)
        response = Response(
            representation(prediction),
            status=status.HTTP_200_OK if prediction.is_final else status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/predictions/{prediction.id}"},
        )
        if not prediction.is_final:
            response["Retry-After"] = RETRY_AFTER
        if waited is not None:
            response["Preference-Applied"] = f"wait={waited}"
        return response


class PredictionDetail(generics.RetrieveDestroyAPIView[Prediction]):
    """One prediction."""

    serializer_class = PredictionSerializer
    queryset = Prediction.objects.none()

    def get_queryset(self) -> PredictionQuerySet:
        return visible(self.request)

    @extend_schema(
        responses={200: PredictionSerializer, **CONDITIONAL, **problems(401, 403, 404, 429)}
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Its state and, once it is there, its result. Send If-None-Match to poll cheaply."""
        prediction = self.get_object()
        response = Response(representation(prediction))
        if not prediction.is_final:
            response["Retry-After"] = RETRY_AFTER
        return conditional(request, response)

    @extend_schema(parameters=[FOREVER], responses={204: None, **problems(400, 401, 403, 404, 429)})
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete the picture and every answer about it. Until `restorable_until` that can be
        undone; then, or at once with `forever=true`, it is erased for good. The ids stay as
        tombstones: `deleted_at` is set, `image`, `result` and `metadata` are null."""
        forever = params.flag(request, "forever")
        get_object_or_404(own(request).select_related("image"), **kwargs).remove(forever)
        return Response(status=status.HTTP_204_NO_CONTENT)


OF_ACTIONS = {200: PredictionSerializer, **problems(401, 403, 404, 409, 429)}


class PredictionCancel(APIView):
    @extend_schema(request=None, responses=OF_ACTIONS)
    def post(self, request: Request, pk: UUID) -> Response:
        """Stop it, if it is not finished."""
        return acted(request, pk, PredictionQuerySet.cancel)


class PredictionRetry(APIView):
    @extend_schema(request=None, responses=OF_ACTIONS)
    def post(self, request: Request, pk: UUID) -> Response:
        """Try again what failed or was canceled: a new attempt, the same id."""
        answer = acted(request, pk, PredictionQuerySet.retry)
        bell.ring()
        return answer


class PredictionRestore(APIView):
    @extend_schema(request=None, responses=OF_ACTIONS)
    def post(self, request: Request, pk: UUID) -> Response:
        """Undo a deletion, until `restorable_until`: the picture and every answer about it are
        there again, and what waited is queued anew."""
        prediction = get_object_or_404(own(request).select_related("image"), pk=pk)
        if prediction.image is None or not prediction.image.restore():
            raise Problem("NOT_RESTORABLE")
        bell.ring()
        return Response(representation(visible(request).get(pk=pk)))


def acted(request: Request, pk: UUID, act: Callable[[PredictionQuerySet], int]) -> Response:
    """Do it to one's own prediction, or refuse: ILLEGAL_TRANSITION."""
    get_object_or_404(own(request), pk=pk)
    if not act(Prediction.objects.filter(pk=pk)):
        raise Problem("ILLEGAL_TRANSITION")
    return Response(representation(visible(request).get(pk=pk)))


class PredictionAttempts(generics.GenericAPIView[Prediction]):
    serializer_class = AttemptSerializer

    @extend_schema(
        operation_id="v1_predictions_attempts",
        filters=False,
        responses={200: AttemptSerializer(many=True), **problems(401, 403, 404, 429)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Every attempt, first one first: which worker, from when to when, why it ended."""
        prediction = get_object_or_404(visible(request), pk=pk)
        return Response(AttemptSerializer(prediction.attempts(), many=True).data)


def own(request: Request) -> PredictionQuerySet:
    """What the caller may change; staff looks at the rest, and changes it in the admin."""
    return Prediction.objects.owned_by(Owner.of(request))


def visible(request: Request) -> PredictionQuerySet:
    rows = Prediction.objects.visible_to(Owner.of(request))
    return rows.select_related("image", "model")


def preferred_wait(header: str) -> int | None:
    """The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), capped; None without them."""
    match = WAIT.search(header)
    return min(int(match[1]), settings.MAX_WAIT_SECONDS) if match else None


def wait_for(prediction: Prediction, seconds: int) -> Prediction:
    """The prediction once it is final, or as it is when the time is up."""
    if prediction.is_final or not seconds:
        return prediction
    began, waited = time.monotonic(), 0.0
    while waited < seconds:
        # A tenth of what was waited so far: soon for a quick answer, seldom for a slow one.
        time.sleep(min(max(waited / 10, SOONEST), SELDOM))
        found = STATUS.first(prediction.pk)
        if found is None or found[0] in FINAL:
            break
        waited = time.monotonic() - began
    whole: Prediction | None = WHOLE.first(prediction.pk)
    if whole is None:
        raise Http404
    return whole


def _is_json(request: Request) -> bool:
    """As the parsers take it: parameters, such as a charset, change nothing."""
    kind = request.content_type or ""
    return kind.partition(";")[0].strip().lower() == "application/json"


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
