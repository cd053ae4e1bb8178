"""What a power cut may undo does not wait for the disk; everything else does."""

import pytest
from django.db import connection, transaction

from classifier.models import Prediction, Status, claiming, publishing
from classifier.models.durability import undurable
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def durable_by_default():
    """The suite's PostgreSQL is not, to save time."""
    if connection.vendor == "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO on")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET synchronous_commit")


def relaxed() -> str:
    return "1" if connection.vendor == "sqlite" else "off"


def how_durable() -> str:
    """SQLite's PRAGMA synchronous (1 NORMAL, 2 FULL), PostgreSQL's synchronous_commit."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


def test_it_does_not_wait_for_the_disk_and_what_follows_does():
    before = how_durable()
    with undurable("default"):
        assert how_durable() == relaxed() != before
        row = make.prediction()
    assert how_durable() == before
    assert Prediction.objects.filter(pk=row.pk).exists()


def test_one_that_fails_leaves_nothing_and_what_follows_waits_for_the_disk():
    before = how_durable()
    with pytest.raises(ZeroDivisionError), undurable("default"):
        make.prediction()
        raise ZeroDivisionError
    assert how_durable() == before
    assert not Prediction.objects.exists()


def test_inside_of_a_transaction_it_is_as_durable_as_that():
    with transaction.atomic():
        before = how_durable()
        with undurable("default"):
            assert how_durable() == before


def test_a_claim_need_not_be_durable_and_a_result_must(monkeypatch):
    seen, take, write = {}, claiming.take, publishing.write

    def taken(*args, **using):
        seen["claim"] = how_durable()
        return take(*args, **using)

    def written(*args):
        seen["result"] = how_durable()
        return write(*args)

    monkeypatch.setattr(claiming, "take", taken)
    monkeypatch.setattr(publishing, "write", written)
    before = how_durable()
    assert make.answer(make.prediction()).status == Status.SUCCEEDED
    assert seen == {"claim": relaxed(), "result": before} and before != relaxed()
