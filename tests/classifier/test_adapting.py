"""A value goes to the database as Django itself would send it, only sooner."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection

from classifier.models import Batch, Image, ModelVersion, Prediction, Status, publishing
from classifier.models.adapting import by_field
from tests import make

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
def test_published_results_tell_of_which_batches_they_are():
    batch = Batch.objects.create(owner=make.user())
    rows = [make.prediction(batch=batch, position=n, custom_id=str(n)) for n in range(3)]
    alone = make.prediction()
    assert publishing.batches(connection, [row.pk for row in (*rows, alone)]) == [batch.pk]
    assert publishing.batches(connection, [alone.pk]) == []
    assert publishing.batches(connection, []) == []
