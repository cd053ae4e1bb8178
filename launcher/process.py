"""One child: started in a session of its own, watched, and ended with all that it started."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from launcher import lock, parent
from launcher.site import Site

LOG_LIMIT = 5_000_000  # bytes


class Session:
    """The processes that hold the lock on `path`; the pid of the one that led them stands in it.

    A number alone may by now be somebody else's. The lock is held only by the child that inherited
    it and by what that one started, so while it is held the number is theirs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def alive(self) -> bool:
        return lock.is_held(self.path)

    def kill(self, seconds: float = 5) -> None:
        deadline = time.monotonic() + seconds
        while self.alive() and time.monotonic() < deadline:
            with suppress(ValueError, ProcessLookupError):
                os.killpg(int(lock.signature(self.path)), signal.SIGKILL)
            time.sleep(0.02)


class Process:
    def __init__(
        self, site: Site, name: str, command: list[str], *, title: str = "", grace: float = 10
    ) -> None:
        self.site = site
        self.name = name
        self.command = command
        self.title = title or f"The {name}"
        self.grace = grace
        self.log = site.logs / f"{name}.log"
        self.session = Session(site.run / f"{name}.pid")
        self._popen: subprocess.Popen[bytes] | None = None
        self._end = "never started"

    def start(self) -> None:
        self.session.kill()
        try:
            self._popen = self._spawn()
        except (OSError, subprocess.SubprocessError) as error:  # no binary, no memory, disk full
            self._end = str(error)

    def _spawn(self) -> subprocess.Popen[bytes]:
        for file in (self.log, self.session.path):
            file.parent.mkdir(parents=True, exist_ok=True)
        identity = lock.take(self.session.path)
        if identity is None:
            raise OSError(f"a process of an earlier start holds {self.session.path}")
        try:
            with self.log.open("ab") as log:
                return self._popen_in_session(identity, log)
        finally:
            os.close(identity)

    def _popen_in_session(self, identity: int, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command,
            cwd=self.site.root,
            env=os.environ
            | {
                "KADR_DATA": str(self.site.data),
                "REDIS_URL": self.site.redis_url,
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[identity],
            preexec_fn=parent.bound_to(os.getpid(), identity),
        )

    def ended(self) -> str | None:
        """None while it runs, else how it ended."""
        if self._popen is None:
            return self._end
        status = self._popen.poll()
        if status is None:
            return None
        self._end_group(self._popen)
        return self._end

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Ask, wait, and then end whatever is left of it."""
        if self._popen is not None:
            self._popen.terminate()
            wait_until(lambda: self.ended() is not None, self.grace, hurry)
        if self._popen is not None:
            self._end_group(self._popen)
        self.session.kill()

    def _end_group(self, leader: subprocess.Popen[bytes]) -> None:
        # At once: nobody else can have got the leader's number in the meantime.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, signal.SIGKILL)
        self._end = in_words(leader.wait())
        self._popen = None

    def trim_log(self) -> None:
        """The child has the file open for appending, so it goes on at the new end."""
        with suppress(OSError):
            if self.log.stat().st_size > LOG_LIMIT:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def begin_log(self) -> None:
        with suppress(FileNotFoundError):
            self.log.rename(self.log.with_suffix(".log.1"))


def wait_until(done: Callable[[], bool], seconds: float, hurry: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not done() and not hurry() and time.monotonic() < deadline:
        time.sleep(0.05)


def in_words(status: int) -> str:
    return f"exit code {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"
