"""Decoder processes: what ends them, what that costs, what is left of them. All of them real."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from classifier.decoding import header, pool
from classifier.decoding.decoder import CannotStart
from classifier.images import accept
from classifier.models import Batch, Prediction
from classifier.problems import Problem
from tests import hostile, make
from tests.live.service import wait_for

ROOT = Path(__file__).parent.parent.parent
LARGE = make.jpeg(1300, 1000)
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel must hold the limit")


@pytest.fixture(autouse=True)
def decoders(monkeypatch):
    """A pool of its own for each test."""
    ours = pool.Pool()
    monkeypatch.setattr(pool, "_pool", ours)
    yield ours
    ours.let_go()


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A second or two of work."""
    return hostile.scan_bomb(80, side=4000)


@pytest.fixture
def any_scans(settings):
    settings.MAX_SCANS = 10_000


def code_of(data: bytes) -> str:
    try:
        accept(data)
    except Problem as problem:
        return problem.code
    return "accepted"


def alive(pid: int) -> bool:
    """Whether there is such a process, and no mere record of its end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def decoded_meanwhile(data: bytes) -> "ThreadPoolExecutor":
    executor = ThreadPoolExecutor(1)
    executor.outcome = executor.submit(code_of, data)
    return executor


def test_a_small_plain_picture_needs_no_process(decoders):
    accept(make.noise_jpeg(side=32))
    accept(make.jpeg(1000, 1000))
    assert decoders.pids() == []


@pytest.mark.parametrize(
    "data",
    [
        make.jpeg(1001, 1000),
        make.jpeg(600, 600, progressive=True),
        hostile.telling(),
        make.noise_jpeg(side=32) + bytes(1024 * 1024),
        make.noise_jpeg(side=32).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
    ],
    ids=["large", "many passes", "metadata", "many bytes", "irregular header"],
)
def test_what_is_not_evidently_small_and_plain_goes_to_a_process(decoders, data):
    accept(data)
    assert len(decoders.pids()) == 1


def test_both_ways_lead_to_the_same_preview(settings, monkeypatch):
    data = make.noise_jpeg(5, side=400)
    here = accept(data)
    monkeypatch.setattr(header, "SMALL_PIXELS", 0)
    assert accept(data) == here


def test_a_process_serves_one_picture_after_another(decoders):
    assert {code_of(LARGE) for _ in range(3)} == {"accepted"}
    assert code_of(LARGE[:900]) == "IMAGE_UNDECODABLE"
    assert code_of(LARGE) == "accepted"
    assert len(decoders.pids()) == 1


def test_a_decoder_that_died_idle_is_replaced_and_nobody_notices(decoders):
    accept(LARGE)
    (first,) = decoders.pids()
    os.kill(first, signal.SIGKILL)
    assert code_of(LARGE) == "accepted"
    assert decoders.pids() != [first]
    assert not alive(first)


def test_a_picture_whose_decoder_dies_once_is_decoded_by_another(decoders, slow, any_scans):
    accept(LARGE)
    (first,) = decoders.pids()
    other = decoded_meanwhile(slow)
    time.sleep(0.2)
    os.kill(first, signal.SIGSEGV)
    assert other.outcome.result(60) == "accepted"
    assert first not in decoders.pids()


def test_a_picture_that_ends_every_decoder_is_refused_and_the_next_one_taken(
    decoders, slow, any_scans
):
    other = decoded_meanwhile(slow)
    for _ in range(2):
        wait_for(lambda: len(decoders.pids()) == 1, 10)
        (pid,) = decoders.pids()
        os.kill(pid, signal.SIGSEGV)
        wait_for(lambda gone=pid: gone not in decoders.pids(), 10)
    assert other.outcome.result(10) == "DECODE_FAILED"
    assert code_of(LARGE) == "accepted"


@linux
def test_a_picture_that_takes_too_much_processor_time_is_refused(settings, slow, any_scans):
    settings.DECODER_CPU_SECONDS = 1
    bomb = hostile.with_scans(slow, 9000)
    begun = time.monotonic()
    assert code_of(bomb) == "DECODE_FAILED"
    assert time.monotonic() - begun < 20
    assert code_of(LARGE) == "accepted"


@linux
def test_the_processor_time_of_one_picture_is_not_counted_against_the_next(settings, decoders):
    settings.DECODER_CPU_SECONDS = 1
    photo = make.noise_jpeg(1, side=3000)
    used = 0.0
    while used < 1.5:
        accept(photo)
        (pid,) = decoders.pids()
        used = cpu_seconds(pid)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@linux
def test_a_picture_that_takes_too_much_memory_is_refused(settings):
    costly = make.jpeg(5000, 4000, progressive=True, subsampling="4:4:4")
    settings.DECODER_MEMORY = 100 * 1024**2
    assert code_of(costly) in {"DECODE_FAILED", "IMAGE_UNDECODABLE"}
    assert code_of(LARGE) == "accepted"


@linux
def test_the_costliest_picture_that_is_allowed_fits_the_memory():
    assert code_of(make.jpeg(8000, 6250, (9, 9, 9, 9), "CMYK", progressive=True)) == "accepted"


def test_a_decoder_that_hangs_is_ended_and_the_sender_told_to_come_back(settings, decoders):
    settings.DECODE_SECONDS = 1
    accept(LARGE)
    (pid,) = decoders.pids()
    os.kill(pid, signal.SIGSTOP)
    assert code_of(LARGE) == "DECODERS_BUSY"
    assert not alive(pid)
    assert code_of(LARGE) == "accepted"


def test_without_a_process_to_be_had_the_sender_is_told_to_come_back(settings, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nothing/here")
    assert code_of(LARGE) == "DECODERS_BUSY"
    monkeypatch.undo()


def test_a_decoder_that_ends_before_its_first_picture_is_no_fault_of_the_picture(settings):
    settings.DECODER_MEMORY = "nonsense"
    assert code_of(LARGE) == "DECODERS_BUSY"


def test_no_more_decoders_run_than_are_allowed(settings, decoders):
    settings.DECODERS = 2
    photo = make.noise_jpeg(1, side=1500)
    with ThreadPoolExecutor(6) as executor:
        assert set(executor.map(code_of, [photo] * 12)) == {"accepted"}
    assert len(decoders.pids()) <= 2


def test_pixels_in_flight_are_bounded_and_nobody_is_passed_over(settings, decoders, monkeypatch):
    settings.DECODERS, settings.MAX_DECODING = 8, 8
    settings.PIXELS_IN_FLIGHT = 4_000_000
    most = 0
    inner = pool.Pool._decode

    def watched(self, data):
        nonlocal most
        most = max(most, self._pixels)
        return inner(self, data)

    monkeypatch.setattr(pool.Pool, "_decode", watched)
    pictures = [make.jpeg(1500, 1000), make.jpeg(2000, 1900), make.jpeg(3000, 2000)] * 2
    with ThreadPoolExecutor(6) as executor:
        assert set(executor.map(code_of, pictures)) == {"accepted"}
    assert 3_800_000 <= most <= 4_000_000


def test_those_who_wait_are_few_and_the_others_are_told_to_come_back(
    settings, decoders, slow, any_scans
):
    settings.DECODERS, settings.MAX_DECODING = 1, 2
    first = decoded_meanwhile(slow)
    wait_for(lambda: decoders._running == 1, 10)
    second = decoded_meanwhile(LARGE)
    wait_for(lambda: decoders._waiting == 2, 10)
    assert code_of(LARGE) == "DECODERS_BUSY"
    assert first.outcome.result(60) == second.outcome.result(60) == "accepted"


def test_nobody_waits_for_longer_than_said(settings, decoders, slow, any_scans):
    settings.DECODERS, settings.DECODE_PATIENCE = 1, 0.2
    first = decoded_meanwhile(slow)
    wait_for(lambda: decoders._running == 1, 10)
    assert code_of(LARGE) == "DECODERS_BUSY"
    assert first.outcome.result(60) == "accepted"


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/api/v1/predictions", "/api/v1/batches"])
def test_who_finds_all_decoders_busy_is_told_when_to_come_back_and_nothing_is_kept(
    api, settings, url
):
    settings.MAX_DECODING = 0
    response = api.post(url, {"image": [make.upload(LARGE)]})
    assert (response.status_code, response.json()["code"]) == (503, "DECODERS_BUSY")
    assert int(response["Retry-After"]) > 0
    assert not Prediction.objects.exists() and not Batch.objects.exists()


@pytest.mark.django_db
def test_a_picture_that_ends_decoders_fails_alone_in_its_batch(api, settings):
    settings.DECODER_CPU_SECONDS, settings.MAX_SCANS = 1, 10_000
    costly = hostile.scan_bomb(3000, side=4000)
    response = api.post(
        "/api/v1/batches", {"image": [make.upload(costly, "a"), make.upload(LARGE, "b")]}
    )
    assert response.status_code == 202
    codes = dict(Prediction.objects.values_list("custom_id", "error_code"))
    assert codes == {"a": "DECODE_FAILED", "b": ""}


def test_a_decoder_is_given_none_of_our_environment(decoders, monkeypatch):
    monkeypatch.setenv("KADR_SECRET_KEY", "SECRET")
    monkeypatch.setenv("DATABASE_URL", "postgres://SECRET")
    accept(LARGE)
    (pid,) = decoders.pids()
    if sys.platform == "linux":
        assert b"SECRET" not in Path(f"/proc/{pid}/environ").read_bytes()


@linux
def test_a_decoder_may_write_no_file_and_keeps_within_its_limits(settings, decoders):
    accept(LARGE)
    (pid,) = decoders.pids()
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    limits = {row[:26].strip(): row[26:].split()[0] for row in rows}
    assert limits["Max file size"] == limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(settings.DECODER_MEMORY)


PARENT = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "classifier_site.settings"
import django; django.setup()
from classifier.decoding import pool
from classifier.images import accept
from tests import hostile, make
accept(make.jpeg(1300, 1000))
print(*pool._pool.pids(), flush=True)
if sys.argv[1] == "busy":
    from django.conf import settings
    settings.MAX_SCANS = 10_000
    accept(hostile.scan_bomb(5000, side=4000))
time.sleep(60)
"""


@linux
@pytest.mark.parametrize("doing", ["idle", "busy"])
def test_a_decoder_ends_with_its_parent_however_that_ends(doing):
    command = [sys.executable, "-c", PARENT, doing]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        if doing == "busy":
            used = cpu_seconds(pid)
            wait_for(lambda: cpu_seconds(pid) > used + 0.2, 20)
        assert alive(pid)
        parent.kill()
    wait_for(lambda: not alive(pid), 3)


FORKING = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "classifier_site.settings"
import django; django.setup()
from classifier.decoding import pool
from classifier.images import accept
from tests import make
accept(make.jpeg(1300, 1000))
before = pool._pool.pids()
child = os.fork()
accept(make.jpeg(1300, 1000))
if child == 0:
    os._exit(0 if before != pool._pool.pids() else 1)
assert before == pool._pool.pids()
assert os.waitpid(child, 0)[1] == 0
accept(make.jpeg(1300, 1000))
"""


def test_a_forked_process_has_decoders_of_its_own():
    subprocess.run([sys.executable, "-c", FORKING], cwd=ROOT, check=True, timeout=60)


def test_a_decoder_that_cannot_start_says_why(settings):
    settings.DECODER_MEMORY = "nonsense"
    with pytest.raises(CannotStart, match="exit code 1"):
        pool.Decoder()


def test_decoders_work_from_any_thread():
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(code_of(LARGE)))
    thread.start()
    thread.join(30)
    assert outcomes == ["accepted"] and code_of(LARGE) == "accepted"
