"""The whole service, started as `make run` starts it: nothing in it is a stand-in."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 180
BOUNDARY = "kadr-boundary"


class Service:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KADR_DATA": str(self.data), "PORT": str(self.port)}

    def start(self) -> "Service":
        self.data.mkdir(parents=True, exist_ok=True)
        log = (self.data / "launcher.log").open("ab")
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

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    def request(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def upload(self, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
        body, form = self.form(content)
        status, _headers, answer = self.request(
            "POST", "/api/v1/predictions", body, **headers, **form
        )
        return status, json.loads(answer)

    @staticmethod
    def form(content: bytes) -> tuple[bytes, dict[str, str]]:
        """The body and the headers that send a picture."""
        body = b"".join(
            [
                f"--{BOUNDARY}\r\n".encode(),
                b'Content-Disposition: form-data; name="image"; filename="photo.jpg"\r\n',
                b"Content-Type: image/jpeg\r\n\r\n",
                content,
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            ]
        )
        return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def prediction(self, pk: str) -> dict[str, Any]:
        _status, _headers, body = self.request("GET", f"/api/v1/predictions/{pk}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def rows(self, query: str, *values: Any) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.data / "kadr.sqlite3")) as database:
            return database.execute(query, values).fetchall()

    def unfinished(self) -> int:
        query = "SELECT count(*) FROM classifier_prediction WHERE finished_at IS NULL"
        return int(self.rows(query)[0][0])


def wait_for(done: Callable[[], bool], seconds: float, explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
