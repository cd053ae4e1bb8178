"""A batch's results as one stream, as JSON lines or CSV: input order, errors among the answers.

Rows are read a thousand at a time by position, so a million of them need no more memory than one
page does.
"""

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from classifier.api.schema import problems
from classifier.api.serializers import result_of
from classifier.models import Batch, ModelVersion, Owner, Prediction
from classifier.models.answer import COLUMNS as STORED
from classifier.models.answer import StoredAnswer

PAGE = 1000
CHUNK = 100  # lines
Row = Prediction | StoredAnswer
to_json = json.JSONEncoder(ensure_ascii=False).encode
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # OWASP, CSV Injection
COLUMNS = ("custom_id", "id", "status", "label", "confidence", "error", "model", "off_topic")


class JSONLinesRenderer(BaseRenderer):
    media_type = "application/jsonl"
    format = "jsonl"
    charset = "utf-8"

    def render(self, data: Any, *_args: Any, **_kwargs: Any) -> bytes:
        return json.dumps(data, ensure_ascii=False, default=str).encode()


class CSVRenderer(JSONLinesRenderer):
    media_type = "text/csv"
    format = "csv"


class BatchResults(APIView):
    renderer_classes = (JSONLinesRenderer, CSVRenderer)

    @extend_schema(
        responses={
            (200, "application/jsonl"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
            **problems(401, 403, 404, 406, 429),
        }
    )
    def get(self, request: Request, pk: UUID) -> StreamingHttpResponse:
        """Every item in the order in which it was sent, whatever became of it. Ask for
        application/jsonl (default) or text/csv with Accept."""
        batch = get_object_or_404(Batch.objects.visible_to(Owner.of(request)), pk=pk)
        renderer = request.accepted_renderer
        assert renderer is not None
        rows = in_order(batch)
        lines = as_csv(rows) if renderer.format == "csv" else as_json_lines(rows)
        response = StreamingHttpResponse(
            in_chunks(lines), content_type=f"{renderer.media_type}; charset=utf-8"
        )
        name = f"batch-{batch.pk}.{renderer.format}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def in_order(batch: Batch) -> Iterator[StoredAnswer]:
    items = Prediction.objects.filter(batch=batch).order_by("position").values_list(*STORED)
    versions: dict[int, ModelVersion] = {}  # few: each is read once, and not with every row
    last = -1
    while page := [StoredAnswer(*row) for row in items.filter(position__gt=last)[:PAGE]]:
        versions |= ModelVersion.objects.in_bulk({row.model_id for row in page} - {*versions, None})
        for row in page:
            row.model = versions[row.model_id] if row.model_id else None
            yield row
        last = page[-1].position


def in_chunks(lines: Iterator[str]) -> Iterator[str]:
    """Each chunk is written to the client by itself: for one line that costs more than the line."""
    while chunk := "".join(itertools.islice(lines, CHUNK)):
        yield chunk


def as_json_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield to_json(line(row)) + "\n"


def line(row: Row) -> dict[str, Any]:
    """One item: its name and state, and its result or why there is none."""
    return {
        "custom_id": row.custom_id,
        "id": str(row.pk),
        "status": row.status,
        "result": result_of(row),
        "error": problem.as_dict() if (problem := row.problem) else None,
        "model": row.model.name if row.model else None,
        "deleted": row.gone_at is not None,
    }


def as_csv(rows: Iterable[Row]) -> Iterator[str]:
    yield _csv_line(COLUMNS)
    for row in rows:
        hidden = row.gone_at or row.is_withheld
        answer = ("", None) if hidden else (row.label, row.confidence)
        fault = row.problem.code if row.problem else ""
        values = (row.custom_id, row.pk, row.status, *answer, fault)
        off_topic = None if hidden or row.off_topic is None else str(row.off_topic).lower()
        yield _csv_line((*values, row.model.name if row.model else "", off_topic))


def _csv_line(values: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(["" if v is None else harmless(str(v)) for v in values])
    return out.getvalue()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
