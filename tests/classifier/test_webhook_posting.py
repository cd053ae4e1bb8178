"""The one POST: certificates are verified for the host, and peers that play for time lose."""

import http.client
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from classifier.webhooks import posting
from classifier.webhooks.address import Target
from classifier.webhooks.sending import told


@contextmanager
def peer(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one connection, which `answer` treats as it likes; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _address = listener.accept()
            with connection:
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(5)


def target(port: int, scheme: str = "http", host: str = "kadr.test") -> Target:
    return Target(scheme, host, port, "/", host, ("127.0.0.1",))


def take_in(connection: socket.socket) -> None:
    """Read the whole request: closing on unread bytes resets the connection."""
    got = b""
    while not got.endswith(b"{}"):
        got += connection.recv(65536) or b"{}"


def drip(connection: socket.socket) -> None:
    take_in(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        connection.sendall(b"a")
        time.sleep(0.05)


def stay_silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def test_a_peer_that_drips_its_answer_is_cut_off_at_the_deadline(monkeypatch):
    monkeypatch.setattr(posting, "TIMEOUT", 0.4)
    started = time.monotonic()
    with peer(drip) as port, pytest.raises(TimeoutError):
        posting.post(target(port), {}, b"{}")
    assert time.monotonic() - started < 4


def test_a_peer_that_never_shakes_hands_is_cut_off_at_the_deadline(monkeypatch):
    monkeypatch.setattr(posting, "TIMEOUT", 0.4)
    with peer(stay_silent) as port, pytest.raises(TimeoutError) as caught:
        posting.post(target(port, "https"), {}, b"{}")
    assert told(caught.value).startswith("no answer within")


@pytest.mark.parametrize("words", [b"", b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_does_not_speak_http_is_an_error_in_words(words):
    def answer(connection: socket.socket) -> None:
        take_in(connection)
        connection.sendall(words)

    failures = (OSError, http.client.HTTPException)
    with peer(answer) as port, pytest.raises(failures) as caught:
        posting.post(target(port), {}, b"{}")
    assert "not HTTP" in told(caught.value) or "connection broke" in told(caught.value)


def test_of_a_long_answer_only_the_head_is_read():
    def answer(connection: socket.socket) -> None:
        take_in(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        with suppress(OSError):
            for _ in range(1000):
                connection.sendall(b"x" * 65536)

    with peer(answer) as port:
        assert posting.post(target(port), {}, b"{}").status == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    """A certificate and its key for kadr.test, signed by itself."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate")
    path = str(tmp_path_factory.mktemp("tls") / "kadr.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    name = ["-subj", "/CN=kadr.test", "-addext", "subjectAltName=DNS:kadr.test"]
    subprocess.run(
        [*command.split(), *name, "-keyout", path, "-out", path + ".crt"],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def tls(certificate, monkeypatch) -> Callable[[socket.socket], None]:
    """A peer with that certificate, which the client trusts."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate + ".crt", certificate)
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda: make(cafile=certificate + ".crt"))

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), server.wrap_socket(connection, server_side=True) as wrapped:
            take_in(wrapped)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return answer


def test_over_tls_the_certificate_is_checked_for_the_name_and_the_address_is_ours(tls):
    with peer(tls) as port:
        assert posting.post(target(port, "https"), {}, b"{}").status == 200


def test_a_certificate_of_another_name_is_refused(tls):
    with peer(tls) as port, pytest.raises(ssl.SSLCertVerificationError) as caught:
        posting.post(target(port, "https", "other.test"), {}, b"{}")
    assert "certificate is not valid" in told(caught.value)


def test_a_certificate_that_nobody_signed_is_refused(tls, monkeypatch):
    monkeypatch.undo()
    with peer(tls) as port, pytest.raises(ssl.SSLCertVerificationError):
        posting.post(target(port, "https"), {}, b"{}")
