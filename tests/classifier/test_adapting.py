"""A value goes to the database as Django itself would send it, only sooner."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection

from classifier.models import Batch, Image, ModelVersion, Prediction, Status
from classifier.models.adapting import by_field

VALUES = (
    *(None, "", "кіт", 0, 7, -1, 0.25, True, False),
    *(uuid.UUID(int=5), datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)),
    *([0.9, 0.1], {"a": "б"}, Status.RUNNING),
)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Image, Prediction, Batch, ModelVersion])
def test_every_field_takes_its_own_values_as_django_would_give_them(model):
    tried = 0
    for field in model._meta.concrete_fields:
        own = field.target_field if field.is_relation else field
        for value in VALUES:
            if value is not None and not isinstance(value, own_type(own)):
                continue
            expected = field.get_db_prep_save(value, connection)
            given = by_field(field, connection)(value)
            assert plainly(given) == plainly(expected), (field, value)
            tried += 1
    assert tried > len(model._meta.concrete_fields)


def own_type(field) -> type | tuple[type, ...]:
    kinds = {
        "UUIDField": uuid.UUID,
        "DateTimeField": datetime,
        "JSONField": (list, dict, str, int),
        "FloatField": float,
        "BooleanField": bool,
    }
    kind = field.get_internal_type()
    return kinds.get(kind, int if "Integer" in kind or "Auto" in kind else str)


def plainly(value):
    """PostgreSQL's wrappers of JSON and numbers, by what they hold."""
    return getattr(value, "obj", value)


@pytest.mark.django_db
def test_the_text_of_a_json_field_is_json_and_not_the_text():
    field = Prediction._meta.get_field("metadata")
    expected = field.get_db_prep_save("plain", connection)
    assert plainly(by_field(field, connection)("plain")) == plainly(expected)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [("id", str(uuid.UUID(int=5))), ("attempt", "7"), ("confidence", 1), ("label", 5)],
)
def test_a_value_of_another_type_goes_the_field_s_own_way(name, value):
    field = Prediction._meta.get_field(name)
    expected = field.get_db_prep_save(value, connection)
    assert plainly(by_field(field, connection)(value)) == plainly(expected)
