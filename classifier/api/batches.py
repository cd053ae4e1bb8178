"""Batches: send many pictures at once, watch them, cancel them, fetch what came out."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier import archives, outages, queue_depth
from classifier.api import params
from classifier.api.batch_serializers import BatchSerializer, BatchUploadSerializer
from classifier.api.conditional import conditional
from classifier.api.filters import PredictionFilter
from classifier.api.idempotent import once
from classifier.api.json_lines import JSONLinesParser, Lines
from classifier.api.pagination import InOrder, NewestFirst
from classifier.api.schema import CONDITIONAL, IDEMPOTENCY_KEY, problems
from classifier.api.serializers import PredictionSerializer
from classifier.intake import Intake, Item, custom_id
from classifier.models import Batch, IdempotencyKey, Owner, Prediction
from classifier.models.batch import BatchQuerySet
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.problems import Problem
from classifier.spool import SpooledFile, SpoolUploadHandler

RETRY_AFTER = "2"  # seconds


class BatchList(generics.ListCreateAPIView[Batch]):
    """Send a batch, or list your own, newest first."""

    serializer_class = BatchSerializer
    pagination_class = NewestFirst
    filter_backends = ()
    parser_classes = (MultiPartParser, JSONLinesParser)
    queryset = Batch.objects.none()

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        # Before authentication, whose CSRF check reads the form.
        self.spool = SpoolUploadHandler(request)
        request.upload_handlers = [self.spool]
        return super().initialize_request(request, *args, **kwargs)

    def get_queryset(self) -> BatchQuerySet:
        return Batch.objects.owned_by(Owner.of(self.request))

    @extend_schema(
        request={
            "multipart/form-data": BatchUploadSerializer,
            "application/jsonl": {"type": "string", "format": "binary"},
        },
        parameters=[IDEMPOTENCY_KEY],
        responses={202: BatchSerializer, **problems(400, 401, 403, 409, 413, 415, 422, 429, 503)},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Up to 1,000 files in `image`, or one ZIP or tar in `archive`, or JSON lines
        {"image_id", "custom_id"} that name pictures sent before. Each item tells its own fate."""
        outages.check_room(int(request.META.get("CONTENT_LENGTH") or 0))
        data = request.data  # reads the body
        if self.spool.too_large:
            raise Problem("BATCH_TOO_LARGE")
        self.asked = params.asked_for(data)
        return once(request, self._create, self._resume, self._digest)

    def _digest(self) -> str:
        if isinstance(self.request.data, Lines):
            return self.request.data.sha256
        return json.dumps([(f.field, f.name, f.sha256) for f in self._files()])

    def _files(self) -> list[SpooledFile]:
        return [file for name in self.request.FILES for file in self.request.FILES.getlist(name)]

    def _create(self, key: IdempotencyKey | None) -> Response:
        queue_depth.check()
        owner = Owner.of(self.request, create=True)
        asked = {name: value for name, value in self.asked.items() if name != "metadata"}
        with transaction.atomic():
            batch = Batch.objects.create(metadata=self.asked["metadata"], **owner.fields())
            if key:
                key.made(batch.pk)
        try:
            Intake(batch, owner, asked).fill(self._items(), key.hold_on if key else _nothing)
        except BaseException:
            batch.refuse()
            if key:
                key.unmade()
            raise
        return self._answer(batch)

    def _items(self) -> Iterator[Item]:
        if isinstance(self.request.data, Lines):
            return self.request.data.items()
        files = self._files()
        archive = [file for file in files if file.field == "archive"]
        if len(archive) > 1 or (archive and len(files) > 1):
            raise Problem("INVALID_REQUEST", _("Send one archive, or pictures, not both."))
        if archive:
            return _from_archive(archive[0])
        return _from_files([file for file in files if file.field == "image"], self._names())

    def _names(self) -> list[str]:
        form = self.request.data
        return form.getlist("custom_id") if isinstance(form, QueryDict) else []

    def _resume(self, pk: UUID) -> Response:
        batch = get_object_or_404(self.get_queryset(), pk=pk)
        if batch.sealed_at is None:  # its request died; the sweep will forget the batch
            swept_at = batch.abandoned_at + timedelta(seconds=settings.SWEEP_SECONDS)
            raise Problem("IDEMPOTENCY_IN_FLIGHT").after(swept_at - timezone.now())
        return self._answer(batch)

    def _answer(self, batch: Batch) -> Response:
        headers = {"Location": f"/api/v1/batches/{batch.pk}", "Retry-After": RETRY_AFTER}
        body = self.get_serializer(Batch.objects.get(pk=batch.pk)).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


def _nothing() -> None:
    pass


def _from_files(files: list[SpooledFile], names: list[str]) -> Iterator[Item]:
    if names and len(names) != len(files):
        raise Problem("INVALID_REQUEST", _("Send one custom_id for each image, or none."))
    for file, given in zip(files, names or [file.name for file in files], strict=True):
        name = custom_id(given)
        if file.size > settings.MAX_IMAGE_BYTES:
            yield Item(name, problem=Problem("IMAGE_TOO_LARGE"))
        else:
            with file.open() as opened:
                yield Item(name, data=opened.read())


def _from_archive(file: SpooledFile) -> Iterator[Item]:
    with file.open() as opened:
        for entry in archives.entries(opened):
            yield Item(custom_id(entry.name), data=entry.data, problem=entry.problem)


class BatchDetail(generics.RetrieveAPIView[Batch]):
    """One batch."""

    serializer_class = BatchSerializer
    queryset = Batch.objects.none()

    def get_queryset(self) -> BatchQuerySet:
        return Batch.objects.visible_to(Owner.of(self.request))

    @extend_schema(responses={200: BatchSerializer, **CONDITIONAL, **problems(401, 403, 404, 429)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Its state, and how many of its items are in which. Send If-None-Match to poll cheaply."""
        batch = self.get_object()
        response = Response(self.get_serializer(batch).data)
        if batch.finished_at is None:
            response["Retry-After"] = RETRY_AFTER
        return conditional(request, response)


class BatchCancel(APIView):
    @extend_schema(request=None, responses={200: BatchSerializer, **problems(401, 403, 404, 429)})
    def post(self, request: Request, pk: UUID) -> Response:
        """Stop what is not finished; what is done stays. Doing it twice is doing it once."""
        batch = get_object_or_404(Batch.objects.owned_by(Owner.of(request)), pk=pk)
        batch.cancel()
        return Response(BatchSerializer(Batch.objects.get(pk=pk)).data)


class BatchItems(generics.ListAPIView[Prediction]):
    """A batch's predictions, in the order in which they were sent."""

    serializer_class = PredictionSerializer
    pagination_class = InOrder
    filterset_class = PredictionFilter
    queryset = Prediction.objects.none()

    def get_queryset(self) -> PredictionQuerySet:
        batches = Batch.objects.visible_to(Owner.of(self.request))
        batch = get_object_or_404(batches, pk=self.kwargs["pk"])
        return Prediction.objects.filter(batch=batch).select_related("image", "model")
