"""What the running service's processes are and take; proc(5), so on Linux only."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.live.service import Service

DECODER = "classifier.decoding.child"


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")  # any thread may have started one
        return [int(child) for task in tasks for child in task.read_text().split()]
    return []


def web(service: Service) -> list[int]:
    """gunicorn's master and its workers."""
    master = service.pid("web")
    return [master, *children(master)]


def decoders(service: Service) -> list[int]:
    found = [child for pid in web(service)[1:] for child in children(pid)]
    return [pid for pid in found if DECODER in command(pid)]


def command(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def memory(pid: int, field: str = "VmRSS") -> int:
    """Bytes: resident now (VmRSS) or at most so far (VmHWM); 0 for a process that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def watched(service: Service) -> Iterator[dict[int, int]]:
    """The peak of every decoder that lives in the meantime, also of those that end."""
    peaks: dict[int, int] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            for pid in decoders(service):
                peaks[pid] = max(peaks.get(pid, 0), memory(pid, "VmHWM"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
