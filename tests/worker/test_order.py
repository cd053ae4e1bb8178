"""Who goes first: interactive work at every micro-batch, and batches by their share."""

import threading

import pytest
from django.db import connection

from classifier.models import Prediction, Status
from classifier.models.prediction_queue import BATCH, INTERACTIVE
from tests import make
from tests.worker.test_micro_batches import Brightest, Served
from worker import micro_batches
from worker.order import SHARE, Order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bell_rings")]


@pytest.fixture(autouse=True)
def fresh_order(monkeypatch, settings):
    settings.MICRO_BATCH = 2
    monkeypatch.setattr(micro_batches, "order", Order())


class Watched(Brightest):
    """Lets things happen whenever the network is asked, and notes what is claimed by then."""

    def __init__(self, happens=lambda: None):
        super().__init__()
        self.happens = happens
        self.running: list[list[str]] = []

    def predict(self, x):
        self.happens()
        rows = Prediction.objects.filter(status=Status.RUNNING).order_by("created_at")
        self.running.append([("single", "batch")[row.priority] for row in rows])
        return super().predict(x)


def ask_many(count: int, priority: int) -> list[Prediction]:
    return [Prediction.objects.ask(make.image(), priority=priority) for _ in range(count)]


def run(happens=lambda: None) -> Watched:
    model = Served(make.model_version(), Watched(happens))
    micro_batches.run(model)
    return model.runtime


def finished() -> list[str]:
    rows = Prediction.objects.filter(status=Status.SUCCEEDED).order_by("finished_at", "pk")
    return [("single", "batch")[row.priority] for row in rows]


def test_a_micro_batch_is_of_one_priority_interactive_first():
    ask_many(1, BATCH)
    ask_many(1, INTERACTIVE)
    assert run().batches == [1, 1]
    assert finished() == ["single", "batch"]


def test_what_comes_in_while_a_batch_is_computed_goes_before_what_was_claimed_already():
    ask_many(6, BATCH)
    arrivals = iter([lambda: ask_many(1, INTERACTIVE)])
    runtime = run(lambda: next(arrivals, lambda: None)())
    assert finished() == ["batch"] * 2 + ["single"] + ["batch"] * 4
    assert runtime.running[0] == ["batch"] * 4  # the second micro-batch was claimed by then


def test_a_batch_gets_its_share_however_much_interactive_work_there_is():
    ask_many(4, BATCH)
    ask_many(10 * SHARE, INTERACTIVE)
    run()
    told = finished()[: 4 * SHARE]  # the first 2 * SHARE micro-batches, of two each
    assert told.count("batch") == 4


def test_interactive_work_that_keeps_coming_does_not_hold_back_what_was_claimed_already():
    ask_many(6, BATCH)
    left = [2] * 40

    def more() -> None:
        if left:
            ask_many(left.pop(), INTERACTIVE)

    run(more)
    told = finished()
    for first in range(0, 6):
        assert "batch" in told[first * 2 * SHARE : (first + 1) * 2 * SHARE] or (
            told[: first * 2 * SHARE].count("batch") == 6
        )


def test_a_row_that_was_tried_before_is_still_taken_alone():
    rows = ask_many(3, BATCH)
    Prediction.objects.filter(pk=rows[0].pk).update(attempt=1)
    assert run().batches == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_while_the_network_computes_the_next_is_claimed_by_a_thread_beside_it():
    ask_many(5, BATCH)
    threads, seen = set(), threading.Event()
    take = micro_batches.take

    def told(*args):
        threads.add(threading.current_thread().name.split("_")[0])
        taken = take(*args)
        if threading.current_thread() is not threading.main_thread():
            seen.set()
        return taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "take", told)
        runtime = run(lambda: seen.wait(10))
    micro_batches.ahead.submit(lambda: connection.close()).result()
    assert "ahead" in threads
    assert runtime.running[0] == ["batch"] * 4
    assert runtime.batches == [2, 2, 1] and finished() == ["batch"] * 5


@pytest.mark.django_db(transaction=True)
def test_a_fault_in_the_thread_beside_ends_the_run_and_what_was_answered_stays():
    ask_many(4, BATCH)
    take = micro_batches.take

    def breaks(*args):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the database went away")
        return take(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(micro_batches, "take", breaks)
        with pytest.raises(RuntimeError, match="went away"):
            run()
    assert finished() == ["batch"] * 2
    run()
    micro_batches.ahead.submit(lambda: connection.close()).result()
    assert finished() == ["batch"] * 4
