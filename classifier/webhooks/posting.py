"""One POST to an address that was checked: no redirects, no proxies, no second look at the DNS."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from classifier.webhooks.address import Target

TIMEOUT = 15.0  # seconds, for all of it
READ = 4096  # bytes of the answer's body, which nobody looks at


@dataclass(frozen=True)
class Answer:
    status: int
    retry_after: timedelta


def post(target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send it. Raises OSError or http.client.HTTPException where there is no answer."""
    deadline = time.monotonic() + TIMEOUT
    with _connect(target, deadline) as connection:
        with _cut_off(connection, deadline):
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            response = _exchange(connection, target, headers, body)
        _hear_out(connection, response)
        return Answer(response.status, retry_after(response.getheader("Retry-After", "")))


def _connect(target: Target, deadline: float) -> socket.socket:
    """A socket to the first of the checked addresses that answers."""
    failure: OSError = OSError("no address")
    for address in target.addresses:
        try:
            left = max(deadline - time.monotonic(), 0.1)
            connection = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failure = error
        else:
            return _tls(connection, target.host) if target.scheme == "https" else connection
    raise failure


def _tls(connection: socket.socket, host: str) -> ssl.SSLSocket:
    # The handshake waits until the deadline's clock runs: a silent peer would hold it.
    context = ssl.create_default_context()
    return context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)


@contextmanager
def _cut_off(connection: socket.socket, deadline: float) -> Iterator[None]:
    """Shut the connection at the deadline: a socket's own timeout is one of each read, and a peer
    that sends a byte now and then never meets it."""
    late = threading.Event()

    def shut() -> None:
        late.set()
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    clock = threading.Timer(max(deadline - time.monotonic(), 0), shut)
    clock.daemon = True
    clock.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        clock.cancel()
    if late.is_set():  # headers that break off look whole to http.client
        raise TimeoutError


def _exchange(
    connection: socket.socket, target: Target, headers: Mapping[str, str], body: bytes
) -> http.client.HTTPResponse:
    client = http.client.HTTPConnection(target.host, target.port)
    client.sock = connection
    sent = {"Host": target.host_header, "Connection": "close", **headers}
    client.request("POST", target.path, body, sent)
    return client.getresponse()


def _hear_out(connection: socket.socket, response: http.client.HTTPResponse) -> None:
    """Read once from the body, so that a peer is not cut off in mid-sentence. The status is the
    answer; a body that breaks off changes nothing."""
    with response, suppress(OSError, http.client.HTTPException):
        connection.settimeout(1)
        response.read1(READ)


def retry_after(header: str) -> timedelta:
    """Retry-After (RFC 9110, section 10.2.3), in seconds or as a date; zero without a sensible
    one."""
    if header.isascii() and header.isdecimal():
        return timedelta(seconds=min(int(header[:9]), 10**9))
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return timedelta(0)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - datetime.now(UTC), timedelta(0))
