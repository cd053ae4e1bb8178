"""Decoding ahead in a batch: order, refusals, and how much is held. All decoders are real."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from classifier import ahead
from classifier.decoding import pool
from classifier.images import accept
from classifier.intake import Intake, Item
from classifier.models import Batch, Image, Prediction
from classifier.problems import Problem
from tests import hostile, make
from tests.live.service import wait_for

LARGE = make.jpeg(1300, 1000)
OTHER = make.jpeg(1000, 1300)
SMALL = make.noise_jpeg(side=32)


@pytest.fixture(autouse=True)
def decoders(monkeypatch, settings):
    settings.DECODERS = 2
    ours = pool.Pool()
    monkeypatch.setattr(pool, "_pool", ours)
    yield ours
    ours.let_go()


@pytest.fixture(scope="module")
def slow() -> bytes:
    """Many times the work of a large one."""
    return hostile.scan_bomb(20, side=3000)


@pytest.fixture
def most_running(monkeypatch) -> list[int]:
    """How many were being decoded whenever another began."""
    seen: list[int] = []
    inner = pool.Pool._decode

    def watched(self, data):
        seen.append(self._running)
        return inner(self, data)

    monkeypatch.setattr(pool.Pool, "_decode", watched)
    return seen


def items(*contents: bytes) -> list[Item]:
    return [Item(f"{n}.jpg", data=content) for n, content in enumerate(contents)]


def sizes(found) -> list[tuple[str, int, int]]:
    accepted = [(item.custom_id, accept()) for item, accept in found]
    return [(name, picture.width, picture.height) for name, picture in accepted]


def fill(contents: list[bytes], owner) -> Batch:
    batch = Batch.objects.create(**owner.fields())
    return Intake(batch, owner, {}).fill(items(*contents), lambda: None).batch


def fates(batch: Batch) -> list[tuple[str, str, str]]:
    rows = Prediction.objects.filter(batch=batch).order_by("position")
    return list(rows.values_list("custom_id", "status", "error_code"))


def test_pictures_come_in_the_order_sent_however_long_each_takes(slow):
    found = sizes(ahead.in_order(items(slow, LARGE, SMALL, OTHER)))
    expected = [(3000, 3000), (1300, 1000), (32, 32), (1000, 1300)]
    assert found == [(f"{n}.jpg", *size) for n, size in enumerate(expected)]


def test_all_decoders_work_for_one_batch(decoders, most_running):
    assert len(sizes(ahead.in_order(items(*[LARGE] * 8)))) == 8
    assert max(most_running) == 2
    assert len(decoders.pids()) == 2


def test_small_pictures_need_neither_process_nor_thread(decoders):
    before = set(threading.enumerate())  # one of another test may end meanwhile
    found = ahead.in_order(items(*[SMALL] * 20))
    next(found)[1]()
    assert set(threading.enumerate()) <= before
    assert len(sizes(found)) == 19
    assert decoders.pids() == []


def test_no_more_are_read_ahead_than_may_be_in_hand(settings):
    settings.MAX_DECODING = 3
    read = []

    def watched():
        for item in items(*[LARGE] * 10):
            read.append(item.custom_id)
            yield item

    for taken, _found in enumerate(ahead.in_order(watched()), start=1):
        assert len(read) <= taken + 3
    assert len(read) == 10


def test_pixels_in_flight_stay_bounded(decoders, settings, monkeypatch):
    settings.DECODERS, settings.PIXELS_IN_FLIGHT = 8, 3_000_000
    most = []
    inner = pool.Pool._decode

    def watched(self, data):
        most.append(self._pixels)
        return inner(self, data)

    monkeypatch.setattr(pool.Pool, "_decode", watched)
    assert len(sizes(ahead.in_order(items(*[LARGE] * 9)))) == 9
    assert 1_300_000 <= max(most) <= 3_000_000


def test_nobody_is_kept_out_by_what_goes_ahead(settings, decoders, slow):
    settings.DECODERS, settings.MAX_DECODING = 2, 1
    found = ahead.in_order(items(slow, LARGE))
    item, outcome = next(found)  # `slow` is being decoded, ahead of its turn
    wait_for(lambda: decoders._running >= 1, 10)
    assert decoders._waiting == 0
    assert accept(OTHER).width == 1000
    assert (item.custom_id, outcome().width) == ("0.jpg", 3000)
    found.close()


def test_what_found_no_decoder_free_is_decoded_when_its_turn_comes(settings, decoders, slow):
    settings.DECODERS = 1
    with ThreadPoolExecutor(1) as executor:
        other = executor.submit(accept, slow)
        wait_for(lambda: decoders._running == 1, 10)
        assert sizes(ahead.in_order(items(LARGE))) == [("0.jpg", 1300, 1000)]
        assert other.result(60).width == 3000


def test_who_waits_for_a_decoder_goes_before_what_would_go_ahead(settings, decoders, slow):
    settings.DECODERS = 1
    with ThreadPoolExecutor(2) as executor:
        first = executor.submit(accept, slow)
        wait_for(lambda: decoders._running == 1, 10)
        second = executor.submit(accept, LARGE)
        wait_for(lambda: decoders._turn.locked(), 10)
        with pytest.raises(pool.Busy):
            decoders.decode(OTHER, 1_300_000, 0)
        assert first.result(60) and second.result(60)


def test_a_decoder_that_is_killed_ahead_of_the_turn_costs_no_picture(decoders, slow):
    found = ahead.in_order(items(slow, LARGE))
    _item, outcome = next(found)
    wait_for(lambda: decoders._running == 1 or len(decoders.pids()) == 2, 10)
    for pid in decoders.pids():
        os.kill(pid, signal.SIGKILL)
    assert outcome().width == 3000
    assert [picture().width for _item, picture in found] == [1300]


def test_leaving_early_leaves_nothing_running(decoders):
    found = ahead.in_order(items(*[LARGE] * 8))
    next(found)
    found.close()
    assert decoders._running == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("decoding-ahead")]


@pytest.mark.django_db
def test_each_item_keeps_its_own_fate_and_place(alice, bell_rings):
    batch = fill([LARGE, LARGE[:900], b"", SMALL, b"text", OTHER], alice)
    assert fates(batch) == [
        ("0.jpg", "queued", ""),
        ("1.jpg", "failed", "IMAGE_UNDECODABLE"),
        ("2.jpg", "failed", "IMAGE_EMPTY"),
        ("3.jpg", "queued", ""),
        ("4.jpg", "failed", "UNSUPPORTED_MEDIA_TYPE"),
        ("5.jpg", "queued", ""),
    ]


@pytest.mark.django_db
def test_positions_go_on_from_one_transaction_to_the_next(alice, bell_rings, monkeypatch):
    monkeypatch.setattr("classifier.intake.CHUNK", 2)
    batch = fill([SMALL, LARGE, SMALL, OTHER, SMALL, SMALL], alice)
    rows = Prediction.objects.filter(batch=batch).order_by("position")
    expected = [(n, f"{n}.jpg") for n in range(6)]
    assert list(rows.values_list("position", "custom_id")) == expected


@pytest.mark.django_db(transaction=True)
def test_workers_are_called_once_a_transaction_and_not_for_an_empty_one(
    alice, bell_rings, monkeypatch
):
    monkeypatch.setattr("classifier.intake.CHUNK", 2)
    fill([SMALL] * 4, alice)
    assert len(bell_rings) == 2


@pytest.mark.django_db
def test_a_sender_who_errs_midway_leaves_no_file(alice, bell_rings, media):
    def broken():
        yield from items(LARGE, OTHER, LARGE)
        raise Problem("ARCHIVE_UNREADABLE")

    batch = Batch.objects.create(**alice.fields())
    with pytest.raises(Problem, match="ARCHIVE_UNREADABLE"):
        Intake(batch, alice, {}).fill(broken(), lambda: None)
    assert not Image.objects.exists()
    assert [path for path in media.rglob("*") if path.is_file()] == []


@pytest.fixture
def crowd(settings, decoders, slow):
    """The line is full: one picture is being decoded, and one waits."""
    settings.DECODERS, settings.MAX_DECODING, settings.DECODE_PATIENCE = 1, 2, 60
    with ThreadPoolExecutor(2) as executor:
        outcomes = [executor.submit(accept, slow) for _ in range(2)]
        wait_for(lambda: decoders._waiting == 2, 10)
        yield outcomes


@pytest.mark.django_db
def test_a_batch_stands_by_until_there_is_a_place_in_line(alice, bell_rings, crowd):
    with pytest.raises(Problem, match="DECODERS_BUSY"):
        accept(LARGE)  # a single one is sent away at once
    batch = fill([SMALL, LARGE], alice)
    assert fates(batch) == [("0.jpg", "queued", ""), ("1.jpg", "queued", "")]
    assert [outcome.result(60).width for outcome in crowd] == [3000, 3000]


@pytest.mark.django_db
def test_it_does_so_for_no_longer_than_it_has_patience(alice, settings, crowd):
    settings.DECODE_PATIENCE_BATCH = 0.1
    began = time.monotonic()
    with pytest.raises(Problem, match="DECODERS_BUSY"):
        fill([LARGE], alice)
    assert time.monotonic() - began >= 0.1
    assert not Batch.objects.get().sealed_at


@pytest.mark.django_db
def test_a_batch_that_gets_no_decoder_at_its_turn_is_told_to_come_back(alice, settings, media):
    settings.MAX_DECODING = 0
    with pytest.raises(Problem) as raised:
        fill([LARGE], alice)
    assert raised.value.code == "DECODERS_BUSY"
    assert not Prediction.objects.exists()
