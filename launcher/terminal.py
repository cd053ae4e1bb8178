"""Lines for the person at the terminal. Everything else goes to the log files."""

import contextlib
import time
from pathlib import Path

TAIL_LINES = 12
TAIL_BYTES = 8192


def say(line: str) -> None:
    # The terminal may have been closed; Kadr then still has to stop in good order.
    with contextlib.suppress(OSError):
        print(line, flush=True)


def note(line: str) -> None:
    """Say what happened while Kadr was running, and when."""
    say(f"{time.strftime('%H:%M:%S')} {line}")


def show_tail(log: Path) -> None:
    for line in tail(log):
        say(f"    {line}")


def tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-TAIL_LINES:]
