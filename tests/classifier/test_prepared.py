"""A prepared query or change says what Django's own would, on each database, for each value."""

import threading
import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from classifier.models import Prediction, Status
from classifier.models.inserting import insert
from classifier.models.prepared import Prepared, PreparedRow, PreparedUpdate
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


BETWEEN = Prepared(
    lambda least, most: (
        Prediction.objects.filter(attempt__gte=least, attempt__lte=most)
        .order_by("attempt")
        .values_list("attempt")
    ),
    111,
    222,
)
EITHER = Prepared(
    lambda n: Prediction.objects.filter(Q(attempt=n) | Q(top_k=n)).values_list("attempt"), 111
)


def test_values_take_their_own_places():
    for attempt in range(5):
        Prediction.objects.filter(pk=make.prediction().pk).update(attempt=attempt)
    assert BETWEEN.rows(1, 3) == [(1,), (2,), (3,)]
    assert BETWEEN.rows(3, 1) == []
    assert sorted(EITHER.rows(3)) == [(0,), (1,), (2,), (3,), (4,)]  # the third by both


def test_more_values_than_places_are_a_mistake():
    with pytest.raises(AssertionError):
        BY_KEY.rows(uuid.uuid4(), 3)
    with pytest.raises(AssertionError):
        BETWEEN.rows(1)


@pytest.mark.django_db(transaction=True)
def test_each_thread_composes_for_its_own_connection():
    row, found = make.prediction(), []

    def ask() -> None:
        found.extend(BY_KEY.rows(row.pk))
        connection.close()

    for _ in range(2):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert found == [(0,), (0,)]


def test_a_query_without_values_gives_its_rows():
    waiting = Prepared(lambda: Prediction.objects.waiting().values_list("status"))
    assert waiting.rows() == []
    make.prediction()
    assert waiting.rows() == [("queued",)]


WHOLE = PreparedRow(
    lambda pk: Prediction.objects.filter(pk=pk), uuid.UUID(int=1), related=("image", "model")
)


def columns(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_whole_row_is_the_one_that_django_reads():
    row = make.answered()
    prepared, composed = WHOLE.first(row.pk), Prediction.objects.get(pk=row.pk)
    assert prepared == composed and columns(prepared) == columns(composed)
    assert columns(prepared.image) == columns(composed.image)
    assert columns(prepared.model) == columns(composed.model)
    assert prepared.image.read_preview() == composed.image.read_preview()


def test_it_has_what_it_refers_to_already(django_assert_num_queries):
    row = make.answered()
    with django_assert_num_queries(1):
        found = WHOLE.first(row.pk)
        assert found.image.name is not None and found.model.name and found.probabilities


def test_what_it_refers_to_may_be_nothing():
    assert WHOLE.first(make.prediction().pk).model is None
    assert WHOLE.first(uuid.uuid4()) is None


def test_it_can_be_saved_again():
    found = WHOLE.first(make.answered().pk)
    found.label = "ship"
    found.save()
    assert Prediction.objects.get(pk=found.pk).label == "ship"


RAISED = PreparedUpdate(
    lambda label, pk: (
        Prediction.objects.filter(pk=pk, status=Status.QUEUED),
        {"attempt": F("attempt") + 1, "label": label, "started_at": Now()},
    ),
    "an example",
    uuid.UUID(int=1),
)


def test_a_prepared_change_changes_the_rows_of_its_values_and_counts_them():
    row, other = make.prediction(), make.prediction()
    assert [RAISED.update("cat", row.pk), RAISED.update("dog", row.pk)] == [1, 1]
    row.refresh_from_db()
    assert (row.attempt, row.label) == (2, "dog") and row.started_at
    other.refresh_from_db()
    assert (other.attempt, other.label, other.started_at) == (0, "", None)


def test_a_prepared_change_leaves_what_is_no_longer_so():
    answered = make.answered()
    assert RAISED.update("cat", answered.pk) == 0
    assert RAISED.update("cat", uuid.uuid4()) == 0
    answered.refresh_from_db()
    assert (answered.label, answered.attempt) == ("dog", 1)


def test_the_database_is_told_what_django_would_tell():
    row = make.prediction()
    with CaptureQueriesContext(connection) as asked:
        RAISED.update("cat", row.pk)
        Prediction.objects.filter(pk=row.pk, status=Status.QUEUED).update(
            attempt=F("attempt") + 1, label="cat", started_at=Now()
        )
    prepared, composed = (query["sql"] for query in asked)
    assert prepared == composed


def test_a_prepared_change_that_fails_takes_its_transaction_with_it():
    row = make.prediction()
    failing = PreparedUpdate(
        lambda attempt, pk: (Prediction.objects.filter(pk=pk), {"attempt": attempt}),
        111,
        uuid.UUID(int=1),
    )
    with transaction.atomic():
        with pytest.raises(DatabaseError):
            failing.update(-1, row.pk)
        with pytest.raises(transaction.TransactionManagementError):
            row.refresh_from_db()
        transaction.set_rollback(True)
    row.refresh_from_db()
    assert row.attempt == 0


def test_a_slice_cannot_be_changed():
    sliced = PreparedUpdate(
        lambda pk: (Prediction.objects.filter(pk=pk)[:1], {"label": "cat"}), uuid.UUID(int=1)
    )
    with pytest.raises(AssertionError):
        sliced.update(uuid.uuid4())


def test_an_inserted_row_is_as_a_saved_one():
    image = make.prediction().image
    row = Prediction(image=image, visitor=image.visitor)
    insert(row)
    assert not row._state.adding
    assert columns(Prediction.objects.get(pk=row.pk)) == columns(row)
    row.top_k = 5
    row.save()
    assert Prediction.objects.get(pk=row.pk).top_k == 5
