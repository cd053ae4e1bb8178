"""Degraded, not down: without worker, broker or database the service says so and takes what it can;
and recovers by itself."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.service import form
from launcher import commands
from launcher.site import Site
from tests import make
from tests.chaos.database import PostgreSQL
from tests.live.service import ROOT, Service, free_port, wait_for

pytestmark = pytest.mark.slow
LONG = 90  # seconds, on a machine that has other things to do
LONGEST_UPLOAD = 30  # seconds; two are promised, of an idle machine
LATE = "What you send is kept and will be answered"
ENGLISH = {"Accept-Language": "en"}


@pytest.fixture(scope="module")
def own_service(tmp_path_factory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("degraded") / "data").started() as running:
        yield running


@contextlib.contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def worker_pids(service: Service) -> list[int]:
    pid = service.pid("worker")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, children.split())]


@contextlib.contextmanager
def frozen_worker(service: Service) -> Iterator[None]:
    """The worker stands still, but not in the middle of a write: SQLite's one lock would stand
    still with it, which is another fault (the chaos suite's "database locked")."""
    pids = worker_pids(service)
    while True:
        with frozen(pids):
            if can_be_written(service):
                yield
                return


def can_be_written(service: Service) -> bool:
    path = service.data / "kadr.sqlite3"
    with contextlib.closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.execute("ROLLBACK")
    return True


def failing(service: Service) -> set[str]:
    _status, _headers, body = service.request("GET", "/readyz")
    return {name for name, check in json.loads(body)["checks"].items() if not check["ok"]}


def page(service: Service) -> str:
    return service.request("GET", "/", **ENGLISH)[2].decode()


def answered(service: Service, pk: str) -> Callable[[], bool]:
    return lambda: service.prediction(pk)["status"] == "succeeded"


def test_without_a_worker_pictures_wait_and_the_page_says_for_how_long(own_service):
    with frozen_worker(own_service):
        status, body = own_service.upload(make.noise_jpeg(1))
        assert status == 202, body
        wait_for(lambda: "has waited for" in page(own_service), LONG, own_service.describe)
        assert re.search(r"has waited for \d+ (s|minute)", page(own_service).replace("\xa0", " "))
        wait_for(lambda: {"messages"} <= failing(own_service), LONG, own_service.describe)
        assert not {"database", "broker"} & failing(own_service)
    wait_for(answered(own_service, body["id"]), LONG, own_service.describe)
    wait_for(own_service.ready, LONG, own_service.describe)
    assert "has waited for" not in page(own_service)


def test_without_a_broker_pictures_are_taken_in_and_wait(own_service):
    with frozen([own_service.pid("valkey")]):
        body, kind = make_form(2)
        status, _headers, answer = own_service.request(
            "POST", "/api/v1/predictions", body, LONGEST_UPLOAD, **kind
        )
        assert status == 202
        # Each web process asks anew after some seconds.
        wait_for(lambda: LATE in page(own_service), LONG, own_service.describe)
        assert "broker" in failing(own_service)
    wait_for(answered(own_service, json.loads(answer)["id"]), LONG, own_service.describe)
    wait_for(own_service.ready, LONG, own_service.describe)


def make_form(seed: int) -> tuple[bytes, dict[str, str]]:
    return form("image", {"photo.jpg": make.noise_jpeg(seed)})


class Web(Service):
    """gunicorn alone, on a database that can be taken away."""

    database = ""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DATABASE_URL": self.database}

    def start_web(self) -> None:
        self.data.mkdir()
        self.manage("migrate")
        self.token = self.manage("create_token", "tester", "test").splitlines()[-1]
        site = Site(ROOT, self.data, "127.0.0.1", self.port, "", self.data / "s", False)
        with (self.data / "web.log").open("wb") as log:
            self.process = subprocess.Popen(
                commands.web(site), cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        wait_for(self._lives, LONG, self.describe)

    def describe(self) -> str:
        return (self.data / "web.log").read_text()[-4000:]

    def _lives(self) -> bool:
        with contextlib.suppress(OSError):
            return self.request("GET", "/livez")[0] == 200
        return False


@contextlib.contextmanager
def web_on(url: str, folder: Path) -> Iterator[Web]:
    web = Web(folder / "data")
    web.database = url
    try:
        web.start_web()
        yield web
    finally:
        web.stop()


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="kadr-degraded-") as folder:
        server = PostgreSQL(Path(folder, "postgresql"), free_port())
        try:
            yield server
        finally:
            server.stop()


def stored(web: Web) -> list[str]:
    return [path.name for path in (web.data / "images").rglob("*") if path.is_file()]


def test_without_its_database_it_asks_to_come_again_and_keeps_nothing(tmp_path):
    with postgresql() as server, web_on(server.url, tmp_path) as web:
        assert web.upload(make.noise_jpeg(3))[0] == 202
        before = stored(web)
        server.kill()
        body, kind = make_form(4)
        status, headers, answer = web.request("POST", "/api/v1/predictions", body, **kind)
        assert (status, json.loads(answer)["code"]) == (503, "DATABASE_UNAVAILABLE")
        assert int(headers["Retry-After"]) > 0
        assert headers["Content-Type"] == "application/problem+json"
        assert "database" in failing(web)
        assert stored(web) == before
        server.start()
        wait_for(lambda: web.upload(make.noise_jpeg(4))[0] == 202, LONG, web.describe)
