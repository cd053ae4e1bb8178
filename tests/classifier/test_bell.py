"""The bell, rung in a real Valkey: it coalesces, and its silence fails nobody.

Each ring happens in a process of its own, which reads REDIS_URL as the web process does.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.valkey import Valkey

QUEUE = "worker"
LONGEST = 8  # seconds that a request may be held, imports included; the default is for ever


@pytest.fixture
def valkey(tmp_path: Path):
    server = Valkey(tmp_path).start()
    yield server
    server.kill()


def run(valkey: Valkey, code: str) -> str:
    program = f"import django; django.setup()\nfrom classifier import bell\n{code}"
    settings = {"REDIS_URL": valkey.url, "DJANGO_SETTINGS_MODULE": "classifier_site.settings"}
    process = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return process.stdout.strip()


RING = "import time; start = time.monotonic(); print(bell.ring(), time.monotonic() - start)"


def ring(valkey: Valkey) -> bool:
    return run(valkey, RING).startswith("True")


def waiting(valkey: Valkey) -> int:
    return valkey.client().llen(QUEUE)


def test_a_ring_is_one_small_message(valkey):
    assert ring(valkey)
    assert waiting(valkey) == 1
    message = valkey.client().lindex(QUEUE, 0)
    assert b'"content-type": "application/json"' in message


def test_rings_coalesce_while_nobody_has_answered(valkey):
    run(valkey, "for _ in range(200): bell.ring()")
    assert waiting(valkey) == 1


def test_once_answered_the_bell_can_be_rung_again(valkey):
    run(valkey, "bell.ring(); bell.answer(); bell.ring()")
    assert waiting(valkey) == 2


def test_a_ring_that_was_lost_silences_the_next_ones_for_seconds_only(valkey):
    ring(valkey)
    key = next(valkey.client().scan_iter("*bell:*"))
    assert 0 < valkey.client().ttl(key) <= 5


def test_a_broker_that_is_down_fails_no_request_and_holds_it_briefly(valkey):
    valkey.kill()
    rang, seconds = run(valkey, RING).split()
    assert rang == "False" and float(seconds) < LONGEST


def test_a_broker_that_is_frozen_fails_no_request_and_holds_it_briefly(valkey):
    valkey.freeze()
    rang, seconds = run(valkey, RING).split()
    valkey.thaw()
    assert rang == "False" and float(seconds) < LONGEST


def test_a_broker_that_refuses_writes_fails_no_request(valkey):
    valkey.client().config_set("maxmemory", "1")
    assert not ring(valkey)


def test_answering_without_a_broker_fails_nothing(valkey):
    valkey.kill()
    run(valkey, "bell.answer(); bell.note_heard()")


def test_a_bell_that_reached_a_worker_is_heard_for_a_while(valkey):
    assert run(valkey, "bell.ring(); bell.answer(); print(bell.heard())") == "False"
    assert run(valkey, "bell.note_heard(); print(bell.heard())") == "True"
    key = next(valkey.client().scan_iter("*heard"))
    assert 0 < valkey.client().ttl(key) <= 30
