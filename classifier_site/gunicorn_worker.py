"""gunicorn's threaded worker with an end to its patience.

As it comes, it waits without limit for the rest of a header or a body, so a few dozen clients that
send half a request hold all threads for ever; and it closes connections in the loop that accepts
new ones, waiting up to 2 s for each client to close first, so a few dozen that never do stop the
service.
"""

import errno
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

PAUSE = 20.0  # seconds that a client may lag behind, in a header or a body
CROWDED = 2.0  # the same while requests wait for a thread
SLOWEST = 8 * 1024  # bytes a second; what comes faster makes up for a lag
SENDING = 30.0  # seconds that a client may take to receive one write
CLOSING = 1.0  # seconds that a client may take to close, so that it sees the answer
STEP = 0.5  # seconds between looks at the crowd


class PatientSocket(socket.socket):
    """Waits for a client as long as that keeps up a pace."""

    lag = 0.0
    is_crowded: Callable[[], bool] = bool

    def begin(self) -> None:
        self.lag = 0.0

    def recv(self, size: int, flags: int = 0) -> bytes:
        try:
            while self.lag < (CROWDED if self.is_crowded() else PAUSE):
                data = self._wait(size, flags)
                if data is not None:
                    return data
        finally:
            self.settimeout(SENDING)
        raise ConnectionResetError(errno.ECONNRESET, "the client is too slow")

    def _wait(self, size: int, flags: int) -> bytes | None:
        """What comes within a step, which may be the end; None where nothing does."""
        begun = time.monotonic()
        self.settimeout(STEP)
        try:
            data = super().recv(size, flags)
        except TimeoutError:
            data = None
        gained = len(data or b"") / SLOWEST
        self.lag = max(0.0, self.lag + time.monotonic() - begun - gained)
        return data

    def shutdown(self, how: int) -> None:
        self.lag = max(self.lag, PAUSE - CLOSING)
        super().shutdown(how)

    def setblocking(self, flag: bool) -> None:
        if self.fileno() >= 0:  # gunicorn closes once more what is closed
            self.settimeout(SENDING if flag else 0)


class PatientThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.without_thread: set[Any] = set()

    def enqueue_req(self, conn: Any) -> None:
        if isinstance(conn.sock, PatientSocket):
            self.without_thread.add(conn)
            super().enqueue_req(conn)
        else:
            self._await(conn)

    def _await(self, conn: Any) -> None:
        """A new connection takes a thread once it says something, and not before."""
        conn.sock = PatientSocket(fileno=conn.sock.detach())
        conn.sock.is_crowded = lambda: bool(self.without_thread)
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        on_data = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, on_data)

    def handle(self, conn: Any) -> Any:
        self.without_thread.discard(conn)
        conn.sock.begin()
        goes_on = super().handle(conn)
        if not goes_on:
            util.close_graceful(conn.sock)  # here and not in the loop, which would wait
        return goes_on
