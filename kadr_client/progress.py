"""What is told on stderr: lines for everybody, a moving bar for a terminal only."""

import contextlib
import sys
import time
from typing import TextIO

from kadr_client.errors import one_line

WIDTH = 24  # of the bar, in characters
CLEAR = "\r\x1b[K"


class Progress:
    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shows_bar = self._stream.isatty()
        self._bar = ""
        self._started = time.monotonic()

    def say(self, text: object) -> None:
        """One line, above the bar."""
        line = f"kadr: {one_line(text)}\n"
        self._write((CLEAR if self._bar else "") + line + self._bar)

    def show(self, done: int, total: int, doing: str) -> None:
        if not self._shows_bar:
            return
        self._bar = f"{_bar(done, total)} {done}/{total}{self._left(done, total)}  {doing}"
        self._write(CLEAR + self._bar)

    def close(self) -> None:
        if self._bar:
            self._bar = ""
            self._write(CLEAR)

    def _left(self, done: int, total: int) -> str:
        passed = time.monotonic() - self._started
        if not 0 < done < total or passed < 2:
            return ""
        seconds = int(passed / done * (total - done))
        return f", about {seconds // 60}:{seconds % 60:02} left"

    def _write(self, text: str) -> None:
        # Names may hold bytes that are no text in the terminal's encoding.
        encoding = self._stream.encoding or "utf-8"
        with contextlib.suppress(OSError, ValueError):  # nobody reads it; the answers count
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()


def _bar(done: int, total: int) -> str:
    filled = WIDTH * done // max(total, 1)
    return f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
