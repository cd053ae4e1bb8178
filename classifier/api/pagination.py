"""Cursors over (created, id): page 1,000 costs what page 1 does, and nothing is counted."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework import exceptions, pagination

from classifier.problems import Problem


class Cursor(pagination.CursorPagination):
    page_size_query_param = "page_size"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Raises Problem for a cursor that is damaged or made up."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError, OverflowError, exceptions.NotFound) as error:
            raise Problem("CURSOR_INVALID") from error

    def get_page_size(self, request: Any) -> int | None:
        """As asked for, up to the limit. Raises Problem for what is no number of rows."""
        given = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not given.isdecimal() or int(given[:9]) < 1:
            raise Problem("INVALID_REQUEST", _("page_size is a whole number from 1 up."))
        return min(int(given[:9]), self.max_page_size or int(given[:9]))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """As OpenAPI 3.1 says it: the first page has none before it, the last none after."""
        described: dict[str, Any] = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            described["properties"][name] = {"type": ["string", "null"], "format": "uri"}
        return {**described, "required": ["next", "previous", "results"]}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] = {"type": "integer", "minimum": 1}
        return parameters


class NewestFirst(Cursor):
    ordering = ("-created_at", "-id")
    page_size = 24
    max_page_size = 100


class InOrder(Cursor):
    """Items of a batch, in the order in which they were sent."""

    ordering = "position"
    page_size = 100
    max_page_size = 1000
