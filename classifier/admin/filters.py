"""Filters of the admin's lists that stay quick however long a list grows: what there is to choose
comes from elsewhere, or out of an index of few rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models import ModelVersion, Prediction

ONE_DAY = timedelta(days=1)
KINDS = ("2", "3", "4", "5")  # of HTTP statuses: their first digit


class LabelFilter(admin.AllValuesFieldListFilter):
    """By the classes that the known models name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = ModelVersion.objects.values_list("classes", flat=True)
        ids: Any = sorted({names["id"] for classes in known for names in classes})
        self.lookup_choices = ids


class ErrorFilter(admin.AllValuesFieldListFilter):
    """By the errors that predictions ended with, of which there is an index."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ended = Prediction.objects.order_by("error_code").exclude(error_code="")
        codes: Any = list(ended.values_list("error_code", flat=True).distinct())
        self.lookup_choices = codes

    def has_output(self) -> bool:
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen: Any = super().queryset(request, queryset)
        # SQLite uses an index of some rows only where a query says that it wants none but those.
        return chosen.exclude(error_code="") if any(self.lookup_val or ()) else chosen


class AnsweredFilter(admin.SimpleListFilter):
    """By the class of the HTTP status that an endpoint last answered with."""

    title = _("answer")
    parameter_name = "answered"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("none", _("no answer")), *((kind, f"{kind}00–{kind}99") for kind in KINDS)]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        kind = self.value() or ""
        if kind == "none":
            return queryset.filter(last_status=None)
        if kind in KINDS:
            first = 100 * int(kind)
            return queryset.filter(last_status__gte=first, last_status__lt=first + 100)
        return queryset


class DaysFilter(admin.FieldListFilter):
    """From one day to another, both whole and either left out, in the time zone of the pages."""

    template = "admin/days_filter.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = kwargs["field_path"]
        self.first, self.last = f"{name}_first", f"{name}_last"
        self.kept: list[tuple[str, str]] = []
        super().__init__(*args, **kwargs)

    def expected_parameters(self) -> list[str | None]:
        return [self.first, self.last]

    @property
    def first_day(self) -> str:
        return self._written(self.first)

    @property
    def last_day(self) -> str:
        return self._written(self.last)

    def _written(self, name: str) -> str:
        given: Any = self.used_parameters.get(name) or [""]
        return str(given[-1])

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        try:
            if self.first_day:
                since = _midnight(date.fromisoformat(self.first_day))
                queryset = queryset.filter(**{f"{self.field_path}__gte": since})
            if self.last_day:
                until = _midnight(date.fromisoformat(self.last_day) + ONE_DAY)
                queryset = queryset.filter(**{f"{self.field_path}__lt": until})
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        asked = changelist.filter_params.items()
        # Lookups of the same field, which an older link may hold, make way for what is chosen here.
        others = f"{self.field_path}__"
        mine = [*self.expected_parameters(), others]
        # A form sends its own fields only, so it takes along what else the list is asked for.
        self.kept = [
            (name, value)
            for name, values in asked
            for value in values
            if name not in mine and not name.startswith(others)
        ]
        free = not any(name.startswith(others) for name, _values in asked)
        today = timezone.localdate()
        for display, first in (
            (_("Any date"), None),
            (_("Today"), today),
            (_("Past 7 days"), today - 6 * ONE_DAY),
            (_("This month"), today.replace(day=1)),
            (_("This year"), today.replace(month=1, day=1)),
        ):
            day = first.isoformat() if first else ""
            yield {
                "selected": free and (self.first_day, self.last_day) == (day, ""),
                "query_string": changelist.get_query_string({self.first: day} if day else {}, mine),
                "display": display,
            }


def _midnight(day: date) -> datetime:
    """In UTC, as the database has it. Raises OverflowError where there is no such moment."""
    return timezone.make_aware(datetime.combine(day, time.min)).astimezone(UTC)
