"""Cursors over (created, id): page 1,000 costs what page 1 does, and nothing is counted."""

from rest_framework import pagination


class NewestFirst(pagination.CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 24
    page_size_query_param = "page_size"
    max_page_size = 100


class InOrder(pagination.CursorPagination):
    """Items of a batch, in the order in which they were sent."""

    ordering = "position"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
