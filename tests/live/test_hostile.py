"""What the running service loses when its decoders die: nothing. Linux, for it reads /proc."""

import os
import signal
import sys
import threading

import pytest

from tests import hostile, make
from tests.live import processes
from tests.live.service import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LARGE = make.jpeg(1300, 1000)


@pytest.fixture
def decoder(service) -> int:
    """A decoder that has just served."""
    assert service.upload(LARGE)[0] == 202
    return processes.decoders(service)[0]


def test_uploads_go_on_when_every_decoder_is_killed(service, decoder):
    for pid in processes.decoders(service):
        os.kill(pid, signal.SIGKILL)
    assert {service.upload(LARGE)[0] for _ in range(4)} == {202}
    assert decoder not in processes.decoders(service)


def test_a_web_process_that_is_killed_leaves_no_decoder_behind(service, decoder):
    parents = {pid: processes.children(pid) for pid in processes.web(service)[1:]}
    (parent,) = [pid for pid, children in parents.items() if decoder in children]
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: processes.command(decoder) == "", 5)
    wait_for(lambda: len(processes.web(service)) == 3, 20, service.describe)
    assert {service.upload(LARGE)[0] for _ in range(4)} == {202}


def test_pages_are_served_while_the_costliest_pictures_are_decoded(service):
    costly = hostile.with_scans(
        make.jpeg(8000, 6000, (9, 9, 9, 9), "CMYK", progressive=True), count=12
    )
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.upload(costly))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for _ in range(5):
        assert service.request("GET", "/")[0] == 200
    for thread in threads:
        thread.join()
    told = {(status, body.get("code", "")) for status, body in answers}
    assert told <= {(202, ""), (503, "DECODERS_BUSY"), (422, "DECODE_FAILED")}
    assert all(processes.memory(pid) < 150_000_000 for pid in processes.web(service))
    assert service.upload(LARGE)[0] == 202
