"""What a power cut may undo does not wait for the disk; everything else does."""

import pytest
from django.db import connection, transaction

from classifier.models import Prediction, Status
from classifier.models.durability import undurable
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def how_durable() -> str:
    """SQLite's PRAGMA synchronous (1 NORMAL, 2 FULL), PostgreSQL's synchronous_commit."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


def test_it_does_not_wait_for_the_disk_and_what_follows_does():
    before = how_durable()
    with undurable("default"):
        assert how_durable() == ("1" if connection.vendor == "sqlite" else "off")
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
    row, seen = make.prediction(), []
    move = type(Prediction.objects.all())._move

    def look(self, *args, **fields):
        seen.append(how_durable())
        return move(self, *args, **fields)

    monkeypatch.setattr(type(Prediction.objects.all()), "_move", look)
    before = how_durable()
    assert make.answer(row).status == Status.SUCCEEDED
    assert seen == ["1" if connection.vendor == "sqlite" else "off"]
    assert how_durable() == before
