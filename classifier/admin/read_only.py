"""What the pages of the admin have in common. Machines write these rows; people look at them."""

import contextlib
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet, UUIDField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from classifier.models import Batch, Image, Prediction


class RowsFirst(ChangeList):
    """Reads a page's rows, then what they lead to. Where it is all one query and the rows are
    filtered, SQLite may sort every row that fits instead of walking an index to the page's last."""

    def apply_select_related(self, qs: Any) -> Any:
        if isinstance(self.list_select_related, tuple):
            return qs.prefetch_related(*self.list_select_related)
        return super().apply_select_related(qs)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """To look at, not to write. Deleting is left to the subclasses that allow it."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count of the whole list for each filter
    for_all_staff = False  # else for those who have the permission

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RowsFirst

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """An id is looked up; what is none, or none of these, is looked for in every row."""
        ids = [n for n in self.search_fields if isinstance(_field(self.model, n), UUIDField)]
        with contextlib.suppress(ValueError):
            wanted = UUID(search_term.strip())
            for name in ids:
                if (found := queryset.filter(**{name: wanted})).exists():
                    return found, False
        return super().get_search_results(request, queryset, search_term)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.for_all_staff or super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _field(model: type[Model], path: str) -> Any:
    return get_fields_from_path(model, path)[-1]


def thumbnail(image: Image | None) -> SafeString | str:
    if image is None:
        return "–"
    return format_html(
        '<a href="{}"><img src="{}" alt="{}" height="64" loading="lazy"></a>',
        reverse("admin:classifier_image_change", args=[image.pk]),
        reverse("image", args=[image.pk]),
        image.name,
    )


def owner_name(row: Image | Prediction | Batch) -> str:
    return str(row.owner) if row.owner else str(_("visitor {id}")).format(id=str(row.visitor)[:8])
