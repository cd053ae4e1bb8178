"""Exports: ask for a filter of your predictions as a file, and fetch it once it is written."""

import json
from typing import Any
from uuid import UUID

import django_filters
from django.db import transaction
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from classifier import outages
from classifier.api.conditional import conditional
from classifier.api.filters import PredictionFilter
from classifier.api.idempotent import once
from classifier.api.pagination import NewestFirst
from classifier.api.schema import CONDITIONAL, IDEMPOTENCY_KEY, problems
from classifier.api.serializers import ProblemSerializer
from classifier.models import Export, IdempotencyKey, Owner, Prediction
from classifier.models.export import DATASET, ExportFormat, ExportQuerySet, ExportStatus

RETRY_AFTER = "2"  # seconds
SEVERAL = (django_filters.MultipleChoiceFilter, django_filters.BaseInFilter)


class AnyRenderer(BaseRenderer):
    """For a file that is sent as it is, whatever Accept says."""

    media_type = "*/*"
    format = "file"

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        return json.dumps(data, ensure_ascii=False, default=str).encode()


def _as_in_a_query(name: str, value: Any) -> Any:
    """A filter's value as the query of GET /predictions has it, where all is text."""
    filter_ = PredictionFilter.base_filters[name]
    match value:
        case [_, *_] if isinstance(filter_, SEVERAL) and all(isinstance(v, str) for v in value):
            return value
        case str() if value and isinstance(filter_, django_filters.MultipleChoiceFilter):
            return [value]
        case str():
            return value
        case bool() | int() | float():
            return str(value).lower()
    told = _("Send a text, a number, true or false; or a list of texts, for id and status.")
    raise serializers.ValidationError({name: told})


@extend_schema_field(OpenApiTypes.OBJECT)
class FilterSerializer(serializers.Serializer[Any]):
    """As in the query of GET /predictions."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Send an object."))
        known = set(PredictionFilter.base_filters) - {DATASET}
        if unknown := sorted(set(data) - known):
            refused = {str(name): _("There is no such filter.") for name in unknown}
            raise serializers.ValidationError(refused)
        asked = {name: _as_in_a_query(name, value) for name, value in data.items()}
        filters = PredictionFilter(asked, Prediction.objects.none())
        if not filters.is_valid():
            raise serializers.ValidationError(dict(filters.errors))
        filters.filter_queryset(filters.queryset)  # what only the filters refuse, as in the list
        return asked

    def to_representation(self, instance: Any) -> Any:
        """Of a data set without the pictures' names, which may be a thousand."""
        asked = instance.get(DATASET)
        if not asked:
            return instance
        return {DATASET: {**asked, "images": len(asked["images"]) or None}}


class ExportSerializer(serializers.ModelSerializer[Export]):
    format = serializers.ChoiceField(ExportFormat.choices)
    filter = FilterSerializer(default=dict)
    status = serializers.ChoiceField(ExportStatus.choices, read_only=True)
    error = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            "id",
            "format",
            "filter",
            "status",
            "rows",
            "byte_size",
            "error",
            "created_at",
            "finished_at",
            "expires_at",
            "url",
        )
        read_only_fields = ("rows", "byte_size", "created_at", "finished_at")

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_error(self, export: Export) -> dict[str, Any] | None:
        return export.problem.as_dict() if export.problem else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_url(self, export: Export) -> str | None:
        return f"/api/v1/exports/{export.pk}/file" if export.status == "ready" else None


class ExportList(generics.ListAPIView[Export]):
    """Your exports, newest first."""

    serializer_class = ExportSerializer
    pagination_class = NewestFirst
    parser_classes = (JSONParser,)
    filter_backends = ()
    queryset = Export.objects.none()

    def get_queryset(self) -> ExportQuerySet:
        return Export.objects.open_to(Owner.of(self.request))

    @extend_schema(
        request=ExportSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={202: ExportSerializer, **problems(400, 401, 403, 409, 415, 422, 429, 503)},
    )
    def post(self, request: Request) -> Any:
        """Ask for a file: csv, jsonl, or zip with the pictures. It is kept for 7 days."""
        return once(request, self._create, self._resume)

    def _create(self, key: IdempotencyKey | None) -> Response:
        serializer = self.get_serializer(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        outages.check_room()
        owner = Owner.of(self.request, create=True)
        with transaction.atomic():
            Export.objects.check_limit(owner)
            export = serializer.save(**owner.fields())
            if key:
                key.made(export.pk)
            transaction.on_commit(Export.ring)
        return self._answer(export)

    def _resume(self, pk: UUID) -> Response:
        return self._answer(get_object_or_404(self.get_queryset(), pk=pk))

    def _answer(self, export: Export) -> Response:
        headers = {"Location": f"/api/v1/exports/{export.pk}", "Retry-After": RETRY_AFTER}
        body = self.get_serializer(export).data
        return Response(body, status=status.HTTP_202_ACCEPTED, headers=headers)


class ExportDetail(generics.RetrieveDestroyAPIView[Export]):
    """One export. DELETE removes the file too."""

    serializer_class = ExportSerializer
    queryset = Export.objects.none()

    def get_queryset(self) -> ExportQuerySet:
        return Export.objects.open_to(Owner.of(self.request))

    @extend_schema(responses={200: ExportSerializer, **CONDITIONAL, **problems(401, 403, 404, 429)})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Its state; `url` is there once the file is."""
        export = self.get_object()
        response = Response(self.get_serializer(export).data)
        if export.status in (ExportStatus.QUEUED, ExportStatus.RUNNING):
            response["Retry-After"] = RETRY_AFTER
        return conditional(request, response)

    def perform_destroy(self, export: Export) -> None:
        export.erase()


class ExportFile(APIView):
    renderer_classes = (AnyRenderer,)

    @extend_schema(
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            **problems(401, 403, 404, 429),
        }
    )
    def get(self, request: Request, pk: UUID) -> FileResponse:
        """The file itself."""
        mine = Export.objects.open_to(Owner.of(request))
        export = get_object_or_404(mine, pk=pk, status=ExportStatus.READY)
        try:
            file = export.file.open("rb")
        except OSError as error:
            raise Http404 from error
        kind = "kadr" if export.dataset is None else "kadr-dataset"
        name = f"{kind}-{export.created_at:%Y-%m-%d}.{export.format}"
        return FileResponse(
            file, as_attachment=True, filename=name, content_type="application/octet-stream"
        )
