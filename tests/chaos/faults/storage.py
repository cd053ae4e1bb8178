"""Databases that die, freeze and are locked; disks that are full."""

import contextlib
import os
import signal
import time

from tests.chaos.database import PostgreSQL, Sqlite
from tests.chaos.faults.registry import fault
from tests.chaos.rig import Rig

MEGABYTE = bytes(1024**2)


@fault("C13", needs="postgresql")
def database_killed(rig: Rig, much: float) -> None:
    assert isinstance(rig.database, PostgreSQL)
    rig.database.kill()
    time.sleep(1 + 4 * much)
    rig.database.start()


@fault("C13", needs="postgresql")
def database_restarted(rig: Rig, _much: float) -> None:
    assert isinstance(rig.database, PostgreSQL)
    rig.database.restart()


@fault("C14", needs="postgresql")
def database_frozen(rig: Rig, much: float) -> None:
    assert isinstance(rig.database, PostgreSQL)
    pids = rig.database.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4 + 8 * much)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@fault("C15", needs="sqlite")
def database_locked(rig: Rig, much: float) -> None:
    assert isinstance(rig.database, Sqlite)
    rig.database.hold_lock(4 + 6 * much)


@fault("C15", needs="sqlite")
def everything_killed_at_once(rig: Rig, _much: float) -> None:
    """As a machine that stops, but for the disk's own cache: SQLite must be whole afterwards."""
    process = rig.service.process
    assert process
    process.kill()
    for name in ("web", "worker", "jobs", "beat", "valkey"):
        with contextlib.suppress(FileNotFoundError):
            for pid in [*rig.children(name), rig.pid(name)]:
                rig.send(pid, signal.SIGKILL)
    process.wait()
    rig.service.launch()


@fault("C16", needs="disk")
def disk_full(rig: Rig, much: float) -> None:
    """To the last byte, and again where somebody makes room."""
    ballast = rig.data / "ballast"
    end = time.monotonic() + 5 + 7 * much
    with ballast.open("wb", buffering=0) as file:
        while time.monotonic() < end:
            _fill(file.fileno())
            time.sleep(0.2)
    ballast.unlink()


def _fill(descriptor: int) -> None:
    for size in (len(MEGABYTE), 4096, 1):
        with contextlib.suppress(OSError):
            while os.write(descriptor, MEGABYTE[:size]):
                pass
