"""How much memory a process holds, now and at most (Linux, proc(5)). In bytes."""

import contextlib
from pathlib import Path

MEGABYTE = 1024**2


class Growth:
    """By how much some processes grow from here on; each is looked at by itself."""

    def __init__(self, pids: list[int]) -> None:
        for pid in pids:
            forget_peak(pid)
        self.before = {pid: resident(pid) for pid in pids}

    def most(self) -> int:
        """The largest growth of any one, at its peak."""
        return max(peak(pid) - before for pid, before in self.before.items())


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    """0 for a process that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
