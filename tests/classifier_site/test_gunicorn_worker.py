"""Slow and silent clients against gunicorn as it is configured, with less patience."""

import contextlib
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.live.service import free_port, wait_for

ROOT = Path(__file__).parent.parent.parent
THREADS = 32  # of both workers
SERVER = """
import sys
from classifier_site import gunicorn_worker as worker
worker.PAUSE, worker.CROWDED = float(sys.argv.pop(1)), 0.5
from gunicorn.app.wsgiapp import run
run()
"""
APPLICATION = """
import gc

def application(environ, start_response):
    frozen = environ["PATH_INFO"] == "/frozen"
    told = gc.get_freeze_count() if frozen else len(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Length", str(len(str(told))))])
    return [str(told).encode()]
"""
HALF_A_HEADER = b"POST / HTTP/1.1\r\nHost: x\r\nX-Long: "
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nab"
NEVER_CLOSED = b"GET / HTTP/1.0\r\n\r\n"


class Served(NamedTuple):
    port: int
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def served(folder: Path, pause: float, files: int | None = None) -> Iterator[Served]:
    """`files` are what each process may have open at a time."""
    (folder / "counting.py").write_text(APPLICATION)
    port = free_port()
    settings = ["-c", str(ROOT / "classifier_site" / "gunicorn.conf.py"), "--log-level", "warning"]
    server = [sys.executable, "-c", SERVER, str(pause), "counting:application"]
    command = [*server, *settings, "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"},
        preexec_fn=partial(may_open, files) if files else None,
    )
    try:
        wait_for(lambda: answers(port), 30)
        yield Served(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("server"), pause=2) as server:
        yield server.port


@pytest.fixture(scope="module")
def patient_port(tmp_path_factory) -> Iterator[int]:
    with served(tmp_path_factory.mktemp("server"), pause=60) as server:
        yield server.port


def may_open(files: int) -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )


def answers(port: int, body: bytes = b"", **headers: str) -> bool:
    with contextlib.suppress(OSError):
        return request(port, body, **headers) == (200, str(len(body)).encode())
    return False


def request(port: int, body: bytes = b"", path: str = "/", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextlib.contextmanager
def clients(port: int, count: int, words: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as opened:
        sockets = []
        for _ in range(count):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            client.sendall(words)
            sockets.append(client)
        yield sockets


def seconds_until_closed(client: socket.socket) -> float:
    begun = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while client.recv(1000):
            pass
    return time.monotonic() - begun


@pytest.mark.parametrize(
    "words",
    [b"", HALF_A_HEADER, HALF_A_BODY, NEVER_CLOSED],
    ids=["silent", "half a header", "half a body", "never closed"],
)
def test_a_crowd_of_clients_that_say_no_more_keeps_nobody_else_out(patient_port, words):
    """Each would be waited for for a minute, if others did not wait for its thread."""
    with clients(patient_port, 4 * THREADS, words):
        begun = time.monotonic()
        assert answers(patient_port, b"picture")
        assert time.monotonic() - begun < 20


@pytest.mark.parametrize("words", [HALF_A_HEADER, HALF_A_BODY], ids=["header", "body"])
def test_a_client_that_stops_in_the_middle_is_let_go(port, words):
    with clients(port, 1, words) as (client,):
        assert 1 < seconds_until_closed(client) < 15


@pytest.mark.parametrize("words", [HALF_A_HEADER, HALF_A_BODY], ids=["header", "body"])
def test_a_client_that_sends_a_byte_now_and_then_is_let_go_too(port, words):
    with clients(port, 1, words) as (client,), pytest.raises(OSError):
        for _ in range(150):  # 15 s
            client.sendall(b"x")
            time.sleep(0.1)


def test_a_client_that_is_slow_but_steady_is_heard_to_the_end(port):
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 80000\r\nConnection: close\r\n\r\n"
    with clients(port, 1, head) as (client,):
        for _ in range(16):  # 4 s, twice the pause
            client.sendall(b"x" * 5000)
            time.sleep(0.25)
        answer = client.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"80000")


def test_a_large_body_arrives_whole_and_the_connection_serves_again(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for size in (3_000_000, 5, 0, 700_000):
        connection.request("POST", "/", b"x" * size)
        assert connection.getresponse().read() == str(size).encode()
    connection.close()


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"X-Long": "x" * 9000}, "/", 431),
        ({f"X-{n}": "x" for n in range(150)}, "/", 431),
        ({}, "/" + "x" * 9000, 414),
    ],
    ids=["a header too long", "too many headers", "an address too long"],
)
def test_a_head_that_is_too_large_is_refused(port, headers, path, status):
    assert request(port, path=path, **headers)[0] == status


def test_a_header_without_end_is_refused_long_before_memory_is_full(port):
    with clients(port, 1, b"GET / HTTP/1.1\r\nX: ") as (client,):
        with contextlib.suppress(OSError):
            for _ in range(2000):
                client.sendall(b"x" * 100_000)
        with contextlib.suppress(OSError):
            assert b" 431 " in client.recv(1000)
    assert answers(port)


def test_what_is_loaded_before_the_first_request_is_no_longer_collected(port):
    status, count = request(port, path="/frozen")
    assert status == 200 and int(count) > 10_000


@pytest.fixture
def many_sockets() -> Iterator[int]:
    """How many this process may have at a time."""
    kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    may_open(min(kept[1], 4096))
    yield resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    resource.setrlimit(resource.RLIMIT_NOFILE, kept)


def test_more_clients_than_a_process_may_have_files_end_none(tmp_path, many_sockets):
    if many_sockets < 2000:
        pytest.skip("this process may not open enough sockets")
    with served(tmp_path, pause=2, files=640) as server:
        wait_for(lambda: len(workers(server)) == 2, 30)
        before = workers(server)
        with clients(server.port, 1600, b""):
            wait_for(lambda: answers(server.port), 30)
        assert workers(server) == before


def workers(server: Served) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}
