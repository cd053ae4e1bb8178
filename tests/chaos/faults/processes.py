"""Processes that are killed, frozen and told to stop. The launcher starts them again."""

import signal
import time

from tests.chaos.faults.registry import fault
from tests.chaos.rig import Rig

LEASE = 30  # seconds


def freeze(rig: Rig, pids: list[int], seconds: float) -> None:
    for pid in pids:
        rig.send(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        rig.send(pid, signal.SIGCONT)


@fault("C1")
def worker_child_killed(rig: Rig, _much: float) -> None:
    for pid in rig.children("worker"):
        rig.send(pid, signal.SIGKILL)


@fault("C2")
def worker_killed(rig: Rig, _much: float) -> None:
    rig.send(rig.pid("worker"), signal.SIGKILL)


@fault("C3")
def message_taken_and_lost(rig: Rig, _much: float) -> None:
    """Frozen while bells are sent, then killed: what it had popped is gone."""
    pid = rig.pid("worker")
    rig.send(pid, signal.SIGSTOP)
    time.sleep(2)
    rig.send(pid, signal.SIGKILL)


@fault("C4")
def worker_frozen_past_its_lease(rig: Rig, much: float) -> None:
    """It wakes up with an answer that somebody else has given by then."""
    pids = [rig.pid("worker"), *rig.children("worker")]
    freeze(rig, pids, LEASE + 3 + 5 * much)


@fault("C4")
def worker_child_frozen(rig: Rig, much: float) -> None:
    freeze(rig, rig.children("worker"), 3 + 7 * much)


@fault("C5")
def worker_told_to_stop(rig: Rig, _much: float) -> None:
    rig.send(rig.pid("worker"), signal.SIGTERM)


@fault("C2")
def web_process_killed(rig: Rig, much: float) -> None:
    children = rig.children("web")
    if children:
        rig.send(children[int(much * len(children)) % len(children)], signal.SIGKILL)


@fault("C2")
def web_master_killed(rig: Rig, _much: float) -> None:
    rig.send(rig.pid("web"), signal.SIGKILL)


@fault("C2")
def web_processes_frozen(rig: Rig, much: float) -> None:
    freeze(rig, rig.children("web"), 2 + 6 * much)


@fault("C5")
def web_told_to_stop(rig: Rig, _much: float) -> None:
    rig.send(rig.pid("web"), signal.SIGTERM)


@fault("C23")
def jobs_and_beat_killed(rig: Rig, _much: float) -> None:
    rig.send(rig.pid("jobs"), signal.SIGKILL)
    rig.send(rig.pid("beat"), signal.SIGKILL)


@fault("C23")
def nobody_sweeps(rig: Rig, much: float) -> None:
    freeze(rig, [rig.pid("jobs"), rig.pid("beat")], 8 + 12 * much)


@fault("C2")
def launcher_killed(rig: Rig, _much: float) -> None:
    """Its children are told by the kernel; whoever keeps the launcher starts it again."""
    process = rig.service.process
    assert process
    process.kill()
    process.wait()
    time.sleep(1)
    rig.service.launch()


@fault("C5")
def all_told_to_stop(rig: Rig, _much: float) -> None:
    """As a restart of the machine or an upgrade does."""
    process = rig.service.process
    assert process
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=120)
    rig.service.launch()
