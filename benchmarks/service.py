"""The whole service with data of its own, started as `make run` starts it, on a free port."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 180
BOUNDARY = "kadr-boundary"
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
SETTINGS = ("KADR_", "DATABASE_URL", "REDIS_URL", "PORT", "DJANGO_SETTINGS_MODULE")


def own_environment(data: Path, **settings: str) -> dict[str, str]:
    """Ours without any setting of Kadr's, so that nothing that is in use can be reached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return {**kept, "KADR_DATA": str(data), **settings}


class Service:
    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.settings = settings
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return own_environment(self.data, PORT=str(self.port), **self.settings)

    def start(self) -> "Service":
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "launcher.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self.ready, START_SECONDS, self.describe)
        self.token = self.manage("create_token", "tester", uuid.uuid4().hex).splitlines()[-1]
        return self

    @contextlib.contextmanager
    def started(self) -> "Iterator[Service]":
        """Running inside, and stopped after."""
        try:
            yield self.start()
        finally:
            self.stop()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=90)

    def describe(self) -> str:
        logs = sorted((self.data / "logs").glob("*.log"))
        texts = [f"{p.name}:\n{p.read_text(errors='replace')[-3000:]}" for p in logs]
        return "\n".join([(self.data / "launcher.log").read_text()[-2000:], *texts])

    def ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/readyz")[0] == 200
        return False

    def manage(self, *command: str) -> str:
        process = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return process.stdout

    def pid(self, name: str) -> int:
        """The process that the launcher started: valkey, worker, beat or web."""
        return int((self.data / "run" / f"{name}.pid").read_text())

    def web_pids(self) -> list[int]:
        """gunicorn's own process and those that answer (Linux)."""
        master = self.pid("web")
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [master, *map(int, children.split())]

    def request(
        self, method: str, path: str, body: bytes = b"", seconds: float = 60, **headers: str
    ) -> Answer:
        """Over a connection of its own."""
        with self.connected(seconds) as connection:
            return connection.request(method, path, body, **headers)

    @contextlib.contextmanager
    def connected(self, seconds: float = 60) -> "Iterator[Connected]":
        """For requests one after another over one connection, as clients in earnest make them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            yield Connected(connection, self.token)
        finally:
            connection.close()


class Connected:
    """A service by a connection that is kept."""

    def __init__(self, connection: http.client.HTTPConnection, token: str) -> None:
        self.connection, self.token = connection, token

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Service]:
    """A service of one's own, whose data is gone with it."""
    with (
        tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder,
        Service(Path(folder) / "data", **settings).started() as service,
    ):
        yield service


def form(field: str, files: dict[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A multipart body (RFC 7578) of files by name, all in one field; and its header."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="'
    parts = [
        b"".join([head.encode(), name.encode(), b'"\r\n\r\n', content, b"\r\n"])
        for name, content in files.items()
    ]
    parts.append(f"--{BOUNDARY}--\r\n".encode())
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def wait_for(done: Callable[[], bool], seconds: float, explain: Callable[[], str] = str) -> None:
    """Until `done`. Raises TimeoutError with what `explain` then says."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(explain())
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
