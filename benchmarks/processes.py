"""What each part of the running service has taken so far: processor time and memory (Linux,
proc(5))."""

import contextlib
import os
from pathlib import Path

from benchmarks.service import Service

PARTS = ("web", "worker", "jobs", "beat", "valkey")
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def pids(service: Service) -> dict[str, list[int]]:
    """The processes of each part, its own first. Decoders are the web's."""
    assert service.process
    found = {"launcher": [service.process.pid]}
    for name in PARTS:
        with contextlib.suppress(FileNotFoundError):
            found[name] = family(service.pid(name))
    return found


def family(pid: int) -> list[int]:
    return [pid, *(grandchild for child in children(pid) for grandchild in family(child))]


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")  # any thread may have started one
        return [int(child) for task in tasks for child in task.read_text().split()]
    return []


def seconds(pid: int) -> float:
    """Of processor time, user and system; 0 for a process that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    return 0.0


def spent(service: Service) -> dict[str, float]:
    """Seconds of processor time by part."""
    return {name: sum(map(seconds, of)) for name, of in pids(service).items()}
