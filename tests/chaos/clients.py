"""The load: users who send pictures one by one and in batches, and send again what got no answer.

Each picture is made from a number of its own, which the ledger keeps: whoever has the number has
the picture, and can ask the bare network what it shows.
"""

import io
import itertools
import random
import threading
import time
import uuid
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import requests

from benchmarks.pictures import jpeg
from tests.chaos.ledger import Answers, Ledger

TIMEOUT = 90  # seconds; longer than any answer may take
TRIES = 5  # with the same key, after which a batch is sent anew


class Client(threading.Thread, ABC):
    """One user. `step` does one thing; whatever it got acknowledged is in the ledger after it."""

    def __init__(self, name: str, url: str, folder: Path, token: str, first: int) -> None:
        super().__init__(name=name, daemon=True)
        self.url, self.token = url, token
        self.ledger = Ledger(folder / f"{name}.ledger")
        self.answers = Answers()
        self.numbers = itertools.count(first)
        self.chance = random.Random(first)
        self.stopped = threading.Event()
        self.crash: BaseException | None = None
        self.session = requests.Session()

    pause = 0.25

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.step()
                self.stopped.wait(self.pause * self.chance.uniform(0.5, 1.5))
        except BaseException as error:
            self.crash = error
            raise

    @abstractmethod
    def step(self) -> None:
        """Send something, look at something: what it does over and over."""

    def post(self, path: str, session: Any = None, **sent: Any) -> dict[str, Any] | None:
        """The answer's body where it was accepted; None where to try again."""
        began = time.monotonic()
        try:
            response = (session or self.session).post(self.url + path, timeout=TIMEOUT, **sent)
            body = response.json()
        except (requests.RequestException, ValueError):
            self.answers.unanswered += 1
            return None
        seconds, retry = time.monotonic() - began, response.headers.get("Retry-After")
        code = body.get("code", "")
        self.answers.note(response.status_code, code, retry, seconds)
        return body if response.status_code in (200, 202) else None

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **more}

    def until_acknowledged(self, tries: int, **sent: Any) -> dict[str, Any] | None:
        """The same request again and again, with one Idempotency-Key."""
        headers = self.headers(**{"Idempotency-Key": uuid.uuid4().hex}, **sent.pop("headers", {}))
        for _ in range(tries):
            if (body := self.post(headers=headers, **sent)) or self.stopped.is_set():
                return body
            self.stopped.wait(1)
        return None


class Scripted(Client):
    """Sends single pictures through the API, and now and then waits for the answer."""

    def step(self) -> None:
        number = next(self.numbers)
        wait = {"Prefer": "wait=3"} if self.chance.random() < 0.2 else {}
        sent = {"files": {"image": (f"{number}.jpg", jpeg(number))}, "headers": wait}
        if body := self.until_acknowledged(60, path="/api/v1/predictions", **sent):
            self.ledger.write(prediction=body["id"], number=number)


class Doubting(Client):
    """Sends every request twice at the same moment."""

    def step(self) -> None:
        number, key = next(self.numbers), uuid.uuid4().hex
        bodies: list[dict[str, Any] | None] = [None, None]
        twins = [
            threading.Thread(target=self._send, args=(number, key, bodies, place))
            for place in range(2)
        ]
        for twin in twins:
            twin.start()
        for twin in twins:
            twin.join()
        for body in filter(None, bodies):
            self.ledger.write(prediction=body["id"], number=number, key=key)

    def _send(self, number: int, key: str, bodies: list[Any], place: int) -> None:
        files = {"image": (f"{number}.jpg", jpeg(number))}
        headers = self.headers(**{"Idempotency-Key": key})
        with requests.Session() as own:
            bodies[place] = self.post("/api/v1/predictions", own, files=files, headers=headers)


class Visitor(Client):
    """Does as the page's script does: a session, a CSRF token, and polls."""

    def step(self) -> None:
        if "csrftoken" not in self.session.cookies:
            return self._open_page()
        number = next(self.numbers)
        files = {"image": (f"{number}.jpg", jpeg(number))}
        csrf = {"X-CSRFToken": self.session.cookies["csrftoken"]}
        if body := self.post("/api/v1/predictions", files=files, headers=csrf):
            self.ledger.write(prediction=body["id"], number=number)
            self._poll(body["id"])

    def _open_page(self) -> None:
        try:
            self.session.get(self.url, timeout=TIMEOUT)
        except requests.RequestException:
            self.answers.unanswered += 1

    def _poll(self, pk: str) -> None:
        try:
            self.session.get(f"{self.url}/api/v1/predictions?id={pk}", timeout=TIMEOUT)
        except requests.RequestException:
            self.answers.unanswered += 1


class Batching(Client):
    """Sends batches, as ZIP and as parts by turns."""

    pause = 3.0

    def step(self) -> None:
        numbers = list(itertools.islice(self.numbers, self.chance.randint(10, 40)))
        pictures = {f"{number}.jpg": jpeg(number) for number in numbers}
        if numbers[0] % 2:
            files: Any = {"archive": ("pictures.zip", zipped(pictures))}
        else:
            files = [("image", (name, content)) for name, content in pictures.items()]
        if body := self.until_acknowledged(TRIES, path="/api/v1/batches", files=files):
            self.ledger.write(batch=body["id"], numbers=numbers)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def summary(clients: list[Client]) -> dict[str, int]:
    """How requests ended, over all clients, the most frequent first."""
    total: dict[str, int] = {"no answer": sum(c.answers.unanswered for c in clients)}
    for client in clients:
        for told, count in client.answers.told.items():
            total[told] = total.get(told, 0) + count
    return dict(sorted(total.items(), key=lambda item: -item[1]))
