"""A prepared query says what Django's own would, on each database, for each value."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from classifier.models import Prediction, Status
from classifier.models.prepared import Prepared
from tests import make

pytestmark = pytest.mark.django_db

BY_KEY = Prepared(
    lambda pk: Prediction.objects.filter(pk=pk, status=Status.QUEUED).values_list("attempt"),
    uuid.UUID(int=1),
)


def test_it_finds_by_the_value_that_it_is_called_with():
    first, second = make.prediction(), make.prediction()
    Prediction.objects.filter(pk=second.pk).update(attempt=2)
    assert BY_KEY.rows(first.pk) == [(0,)]
    assert BY_KEY.rows(second.pk) == [(2,)]
    assert BY_KEY.first(second.pk) == (2,)


def test_what_is_constant_in_it_stays():
    assert BY_KEY.rows(make.answered().pk) == []
    assert BY_KEY.first(uuid.uuid4()) is None


def test_the_database_is_asked_what_django_would_ask():
    row = make.prediction()
    with CaptureQueriesContext(connection) as asked:
        BY_KEY.rows(row.pk)
        list(Prediction.objects.filter(pk=row.pk, status=Status.QUEUED).values_list("attempt"))
    prepared, composed = (query["sql"] for query in asked)
    assert prepared == composed


def test_an_example_that_the_query_does_not_use_is_a_mistake():
    careless = Prepared(lambda pk: Prediction.objects.values_list("attempt"), uuid.UUID(int=1))
    with pytest.raises(AssertionError):
        careless.rows(uuid.uuid4())


def test_a_query_without_values_gives_its_rows():
    waiting = Prepared(lambda: Prediction.objects.waiting().values_list("status"))
    assert waiting.rows() == []
    make.prediction()
    assert waiting.rows() == [("queued",)]
