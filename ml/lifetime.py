"""Ending with whoever started this process, however that ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent(parent: int = 0) -> None:
    """By SIGKILL from the kernel (Linux only); at once where `parent` is given and is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent and os.getppid() != parent:  # it ended before the line above
            os._exit(1)
