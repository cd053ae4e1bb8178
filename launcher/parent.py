"""Nobody outlives a parent, however that dies.

Linux sends the signal by itself. macOS has nothing like it: after a `kill -9` of the launcher its
children go on there until the next `make run`, which ends them before it starts.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

from launcher.lock import sign

PR_SET_PDEATHSIG = 1  # prctl(2)
prctl: Callable[[int, int], int] | None = (
    ctypes.CDLL(None).prctl if sys.platform == "linux" else None
)


def die_with_parent() -> None:
    """Get SIGTERM when the process that started this one ends."""
    if prctl:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def die_with_make() -> None:
    """A launcher that make started stops with it, also where make is killed."""
    if "MAKELEVEL" in os.environ:
        die_with_parent()


def bound_to(launcher: int, identity: int) -> Callable[[], None]:
    """For a child, between fork and exec: tie it to `launcher`, write its pid to `identity`."""

    def bind() -> None:
        die_with_parent()
        if os.getppid() != launcher:  # it died before the line above
            os._exit(1)
        sign(identity, str(os.getpid()))

    return bind
