"""How long the client waits for a service that says nothing."""

import socket
import threading
import time

import pytest

from kadr_client import http
from kadr_client.http import Connection, Request
from kadr_client.multipart import Form, Part

LARGE = 20_000_000  # bytes; more than the buffers between client and service hold


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def connected(server) -> Connection:
    return Connection(f"http://127.0.0.1:{server.getsockname()[1]}", "token")


def upload(folder) -> Request:
    with (folder / "large.jpg").open("wb") as file:
        file.truncate(LARGE)
    part = Part(folder / "large.jpg", "large.jpg", LARGE, "digest")
    return Request("POST", "/api/v1/batches", form=Form("boundary", {}, [part]))


def test_a_service_that_takes_nothing_more_is_let_go_long_before_an_answer_would_be_due(
    listener, tmp_path, monkeypatch
):
    monkeypatch.setattr(http, "SENDING_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        connected(listener).exchange(upload(tmp_path))  # taken by nobody
    assert time.monotonic() - began < 10


def test_one_that_took_all_has_longer_to_look_at_it(fake, client, pictures, monkeypatch):
    monkeypatch.setattr(http, "SENDING_SECONDS", 0.2)
    slow = threading.Event()

    def late(handler) -> None:
        form = handler.form()
        slow.wait(1)
        handler.answer(*handler.fake.take(handler.headers["Idempotency-Key"], form))

    fake.faults = [late]
    outcome = client(pictures)
    assert outcome.code == 0 and fake.log.count("POST /api/v1/batches") == 1


def test_a_host_that_died_is_found_out_while_its_answer_is_waited_for(listener):
    """The system asks it from time to time, for a service that lives says nothing either."""
    connection = connected(listener)
    threading.Thread(target=refusing, args=(listener,), daemon=True).start()
    connection.exchange(Request("GET", "/"))
    sock = connection._http.sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        known = [http.ALIVE[name] for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")]
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == known
        idle, between, times = known
        assert idle + between * times <= 60 < http.FORM_SECONDS
    connection.close()


def refusing(server) -> None:
    accepted, _address = server.accept()
    with accepted:
        accepted.recv(65536)
        accepted.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        accepted.recv(1)  # until the client goes
