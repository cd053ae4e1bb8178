"""Which of one's predictions a list or an export holds."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field

from classifier.models import Prediction, Review, Source, Status
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.problems import Problem


@extend_schema_field({"type": "string", "enum": ["true", "false"]})
class YesNoFilter(django_filters.ChoiceFilter):  # type: ignore[misc]  # untyped library
    """true or false, and nothing else: a BooleanFilter takes whatever it does not know for no
    filter."""

    def __init__(self, **options: Any) -> None:
        answers = (("true", "true"), ("false", "false"))
        super().__init__(choices=answers, null_value=None, **options)


class PredictionFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    id = django_filters.BaseInFilter(method="with_ids", help_text="Several, comma-separated.")
    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    label = django_filters.CharFilter(help_text="A class id, such as dog.")
    model = django_filters.CharFilter(
        method="of_model", help_text="Name of the model that answered, or how its digest begins."
    )
    batch = django_filters.UUIDFilter(field_name="batch_id", help_text="A batch's id.")
    source = django_filters.ChoiceFilter(choices=Source.choices)
    confidence_gte = django_filters.NumberFilter("confidence", "gte", min_value=0, max_value=1)
    confidence_lt = django_filters.NumberFilter("confidence", "lt", min_value=0, max_value=1)
    off_topic = YesNoFilter(
        method="whether_off_topic", help_text="Whether it probably shows no class at all."
    )
    # Not “reviewed”: in the filter of an export that is the set of what was reviewed, for staff.
    is_reviewed = YesNoFilter(
        method="whether_reviewed", help_text="Whether a reviewer has decided what it shows."
    )
    created_after = django_filters.IsoDateTimeFilter("created_at", "gte", help_text="RFC 3339.")
    created_before = django_filters.IsoDateTimeFilter("created_at", "lt", help_text="RFC 3339.")

    class Meta:
        model = Prediction
        fields = (
            "id",
            "status",
            "label",
            "model",
            "batch",
            "source",
            "confidence_gte",
            "confidence_lt",
            "off_topic",
            "is_reviewed",
            "created_after",
            "created_before",
        )

    def filter_queryset(self, queryset: PredictionQuerySet) -> Any:
        """Raises Problem for a filter without a value, which would silently filter nothing."""
        for name in self.filters:
            if self.data.get(name) == "":
                raise Problem(
                    "INVALID_REQUEST", _("The filter “{name}” is empty.").format(name=name)
                )
        return super().filter_queryset(queryset)

    def with_ids(self, rows: PredictionQuerySet, _name: str, values: list[str]) -> Any:
        try:
            return rows.filter(pk__in=[UUID(value) for value in values])
        except ValueError as error:
            raise Problem("INVALID_REQUEST", _("Each “id” is a UUID.")) from error

    def whether_off_topic(self, rows: PredictionQuerySet, _name: str, value: str) -> Any:
        return rows.filter(off_topic=value == "true")

    def whether_reviewed(self, rows: PredictionQuerySet, _name: str, value: str) -> Any:
        # Of the picture: one that is asked for again is still reviewed.
        decided = Exists(Review.objects.standing().filter(image=OuterRef("image")))
        return rows.filter(decided if value == "true" else ~decided)

    def of_model(self, rows: PredictionQuerySet, _name: str, value: str) -> Any:
        return rows.filter(model__name=value) | rows.filter(model__digest__startswith=value)
