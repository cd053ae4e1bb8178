"""A child process that is spoken to over its pipes: a limit on its time, and its end."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def time_limit(process: "subprocess.Popen[Any]", seconds: float) -> Iterator[threading.Event]:
    """Kill the process if what runs inside takes longer; the event says whether it did."""
    passed = threading.Event()

    def end() -> None:
        passed.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def end(process: "subprocess.Popen[Any]") -> None:
    process.kill()
    process.wait()
    let_go(process)


def let_go(process: "subprocess.Popen[Any]") -> None:
    """Close our ends of the pipes, on which the process ends by itself."""
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe:
                pipe.close()
