"""One decoder process as its parent sees it: started, fed one picture at a time, ended."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings

from classifier import piped
from classifier.decoding.child import READY
from classifier.decoding.jpeg import Decoded, Refused
from classifier.problem_kinds import KINDS

MOST_ANSWER = 4 * 1024 * 1024  # bytes of a preview, many times over
LONGEST_LINE = 1000  # bytes
PIPE_BYTES = 256 * 1024  # on Linux; the usual 64 kB takes four times as many changes of process
# Nothing of our own environment, least of all the secrets in it.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}  # glibc's second one takes address space from the limit


class Failed(Exception):  # noqa: N818
    """The process ended, or hung and was ended, without an answer."""


class Exhausted(Failed):
    """The picture took all the processor time that one may take."""


class OutOfTime(Failed):
    """Too slow by the clock, with processor time left: a machine that is overloaded."""


class CannotStart(Failed):
    """No process can be had, or it ends before it has seen a picture."""


class Decoder:
    def __init__(self) -> None:
        """Raises CannotStart."""
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module
                _command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pipesize=PIPE_BYTES,
                cwd=settings.BASE_DIR,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ}
                | ONE_ARENA,
            )
        except OSError as error:
            raise CannotStart(str(error)) from error
        with self._time_limit():
            ready = self._out.read(len(READY)) == READY
        if not ready:
            self.end()
            raise CannotStart(self.fate)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def fate(self) -> str:
        status = self._process.poll()
        if status is None or status >= 0:
            return f"exit code {status}"
        return f"killed by {signal.Signals(-status).name}"

    def decode(self, data: bytes) -> Decoded:
        """Raises Refused, for what the picture is; Failed, after which this decoder is dead."""
        with self._time_limit() as out_of_time:
            try:
                return self._ask(data)
            except (OSError, ValueError, KeyError) as error:
                self.end()
                raise self._failure(out_of_time.is_set()) from error

    def _failure(self, out_of_time: bool) -> Failed:
        if out_of_time:
            return OutOfTime(self.fate)
        exhausted = self._process.returncode == -signal.SIGXCPU
        return Exhausted(self.fate) if exhausted else Failed(self.fate)

    def _ask(self, data: bytes) -> Decoded:
        asked = {
            "bytes": len(data),
            "side": settings.PREVIEW_SIDE,
            "most_pixels": settings.MAX_IMAGE_PIXELS,
        }
        self._in.write(json.dumps(asked).encode() + b"\n")
        self._in.write(data)
        self._in.flush()
        return _decoded(*self._answer())

    def _answer(self) -> tuple[dict[str, Any], bytes]:
        told = json.loads(self._out.readline(LONGEST_LINE))
        size = int(told["bytes"])
        if not 0 <= size <= MOST_ANSWER:
            raise ValueError("an answer that no decoder of ours gives")
        preview = self._out.read(size)
        if len(preview) < size:
            raise EOFError
        return told, preview

    def _time_limit(self) -> AbstractContextManager[threading.Event]:
        return piped.time_limit(self._process, settings.DECODE_SECONDS)

    def end(self) -> None:
        piped.end(self._process)

    def let_go(self) -> None:
        piped.let_go(self._process)

    @property
    def _in(self) -> Any:
        return self._process.stdin

    @property
    def _out(self) -> Any:
        return self._process.stdout


def _command() -> list[str]:
    limits = [str(settings.DECODER_MEMORY), str(settings.DECODER_CPU_SECONDS)]
    # No user's site folder, no warnings: odd metadata is what is expected here.
    return [sys.executable, "-s", "-W", "ignore", "-m", "classifier.decoding.child", *limits]


def _decoded(told: dict[str, Any], preview: bytes) -> Decoded:
    if code := told.get("refused"):
        raise Refused(code if code in KINDS else "DECODE_FAILED")
    own = bool(told["own"])
    return Decoded(int(told["width"]), int(told["height"]), None if own else preview)
