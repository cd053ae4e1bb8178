"""Cursors over (created, id): page 1,000 costs what page 1 does, and nothing is counted."""

from typing import Any

from django.core.exceptions import ValidationError
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


class NewestFirst(Cursor):
    ordering = ("-created_at", "-id")
    page_size = 24
    max_page_size = 100


class InOrder(Cursor):
    """Items of a batch, in the order in which they were sent."""

    ordering = "position"
    page_size = 100
    max_page_size = 1000
