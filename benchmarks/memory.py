"""How much memory a process holds, now and at most (Linux, proc(5)). In bytes."""

from pathlib import Path

MEGABYTE = 1024**2


class Growth:
    """By how much some processes grow from here on; each is looked at by itself."""

    def __init__(self, pids: list[int]) -> None:
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # forgets the peak
        self.before = {pid: _status(pid, "VmRSS") for pid in pids}

    def most(self) -> int:
        """The largest growth of any one, at its peak."""
        return max(_status(pid, "VmHWM") - before for pid, before in self.before.items())


def resident(pid: int) -> int:
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(name)]
    return int(line.split()[1]) * 1024
