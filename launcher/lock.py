"""Locks that the kernel lets go of when their last holder dies, so that none is ever stale."""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from launcher.signals import Signals
from launcher.site import Site, StartError

PATIENCE = 1.0  # seconds; another copy may have been told to stop just now
STOPPING = "stopping"
WIDTH = 200


def take(path: Path) -> int | None:
    """A descriptor that holds the lock, or None where somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    if not path.exists():
        return False
    if (descriptor := take(path)) is None:
        return True
    os.close(descriptor)
    return False


def sign(descriptor: int, text: str) -> None:
    """Write who holds the lock: always over the same bytes, which a full disk allows."""
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text.ljust(WIDTH).encode(), 0)


def signature(path: Path) -> str:
    return path.read_text().strip()


class OnlyCopy:
    """One launcher a data folder."""

    def __init__(self, site: Site, signals: Signals) -> None:
        self.path = site.data / "kadr.lock"
        self.site = site
        self.signals = signals
        self.descriptor = -1

    def __enter__(self) -> "OnlyCopy":
        started = time.monotonic()
        while (descriptor := take(self.path)) is None:
            other = signature(self.path)
            if other != STOPPING and time.monotonic() - started > PATIENCE:
                raise StartError(
                    f"it already runs on {self.site.data} ({other}). Stop that copy, "
                    "or give this one another KADR_DATA and PORT"
                )
            self.signals.pause()
        self.descriptor = descriptor
        sign(descriptor, f"pid {os.getpid()}, {self.site.url}")
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def is_stopping(self) -> None:
        """A copy that starts now waits for this one instead of giving up."""
        sign(self.descriptor, STOPPING)
