"""Two that want the same rows at the same moment: workers, and who cancels, erases or tries again.

All of it runs on SQLite here and on PostgreSQL through tests/test_postgresql.py.
"""

import threading
import time
import uuid

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from classifier.models import Prediction, Status
from tests import make
from tests.at_once import at_once
from tests.classifier.test_predictions import LONG_AGO, claim

pytestmark = pytest.mark.django_db(transaction=True)


def test_workers_that_claim_at_the_same_moment_never_share_a_row():
    rows = [make.prediction() for _ in range(40)]
    taken: list[uuid.UUID] = []

    def work() -> None:
        while claimed := Prediction.objects.claim(3, worker="w"):
            taken.extend(row.pk for row in claimed)

    at_once(4, work)
    assert len(taken) == len(rows)
    assert set(taken) == {row.pk for row in rows}


def test_two_workers_that_publish_the_same_row_at_the_same_moment_publish_it_once():
    make.prediction()
    (row,) = claim()
    version, results = make.model_version(), {row.pk: make.RESULT}
    counts = at_once(2, lambda: Prediction.objects.publish(row.fence, version, results))
    assert sorted(counts) == [0, 1]


@pytest.mark.parametrize("take_away", ["cancel", "free_lost"])
@pytest.mark.parametrize("stored, answered", [(1, -1), (-1, 1)])
def test_a_worker_and_whoever_takes_its_rows_away_never_wait_for_each_other(
    take_away, stored, answered
):
    ids = [uuid.UUID(int=number) for number in (1, 2, 3)]
    for pk in ids[::stored]:  # PostgreSQL reads them in this order where it is asked for none
        Prediction.objects.ask(make.image(), id=pk)
    fence = Prediction.objects.claim(3, worker="w")[0].fence
    Prediction.objects.update(lease_until=Now() - LONG_AGO)
    version = make.model_version()
    results = dict.fromkeys(ids[::answered], make.RESULT)
    changed: list[int] = []

    def publishes() -> None:
        changed.append(Prediction.objects.publish(fence, version, results))
        connection.close()

    def takes_away() -> None:
        changed.append(getattr(Prediction.objects, take_away)())
        connection.close()

    threads = [threading.Thread(target=work) for work in (publishes, takes_away)]
    with transaction.atomic():
        Prediction.objects.filter(pk=ids[1]).update(top_k=3)
        for thread in threads:
            thread.start()
            time.sleep(0.2)  # until it holds what it can, and waits for the row between
    for thread in threads:
        thread.join()
    assert sorted(changed) == [0, 3]


def test_what_is_erased_while_it_is_to_be_tried_again_stays_erased():
    row = make.prediction(status=Status.FAILED, finished_at=timezone.now(), error_code="X")
    queued: list[int] = []

    def again() -> None:
        queued.append(Prediction.objects.filter(pk=row.pk).retry())
        connection.close()

    thread = threading.Thread(target=again)
    with transaction.atomic():
        Prediction.objects.filter(pk=row.pk).erase()
        thread.start()
        time.sleep(0.3)  # until it has found the row as it was, and waits for it
    thread.join()
    assert queued == [0]
    row.refresh_from_db()
    assert (row.status, row.image) == (Status.FAILED, None)
