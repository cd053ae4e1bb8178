"""Requests over one kept-alive connection."""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from kadr_client import VERSION
from kadr_client.errors import UsageError, one_line
from kadr_client.multipart import Form

SECONDS = 60  # without a byte
# For a part of a form: it is not read while it waits for a thread of the service.
SENDING_SECONDS = 120
FORM_SECONDS = 600  # the service looks at each picture before it answers
# A host that died says nothing, and an answer may take long; so it is asked whether it is there.
ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # seconds
DROPPED = (ConnectionError, http.client.HTTPException)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    form: Form | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict[str, Any]:
        """The object in the body; an empty one where there is none."""
        value = self._value()
        return value if isinstance(value, dict) else {}

    def objects(self) -> list[dict[str, Any]]:
        """Those of the list in the body; none where there is no list."""
        value = self._value()
        return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []

    def _value(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def problem(self) -> dict[str, Any]:
        """RFC 9457's object; an empty one in an answer of some other kind."""
        body = self.json()
        return body if isinstance(body.get("code"), str) else {}

    @property
    def told(self) -> str:
        """The refusal in one line."""
        names = ("title", "detail")
        sentences = [str(self.problem[name]).rstrip(".") for name in names if name in self.problem]
        return one_line(f"{'. '.join(sentences)} ({self.problem.get('code')})")


class Connection:
    """To the service at `url`, which may have a path in front of /api. Raises UsageError for an
    address that is none; `exchange` raises OSError and HTTPException as http.client does."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        scheme, host, port, self._prefix = _parsed(self.url)
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self._http = kind(host, port)

    def exchange(self, request: Request) -> Answer:
        reused = self._http.sock is not None
        try:
            return self._exchange(request)
        except DROPPED:
            if not reused:
                raise
        # The service closes a connection that was idle; that is no failure yet.
        return self._exchange(request)

    def close(self) -> None:
        self._http.close()

    def _exchange(self, request: Request) -> Answer:
        try:
            self._wait_at_most(SENDING_SECONDS if request.form else SECONDS)
            self._send(request)
            self._wait_at_most(FORM_SECONDS if request.form else SECONDS)
            response = self._http.getresponse()
            return Answer(response.status, response.headers, response.read())
        except BaseException:
            self._http.close()
            raise

    def _wait_at_most(self, seconds: float) -> None:
        self._http.timeout = seconds
        if not self._http.sock:
            self._http.connect()
            _keep_asking(self._http.sock)
        self._http.sock.settimeout(seconds)

    def _send(self, request: Request) -> None:
        self._http.putrequest(request.method, self._prefix + request.path)
        for name, value in {**self._headers(), **request.headers}.items():
            self._http.putheader(name, value)
        if not request.form:
            self._http.endheaders()
            return
        self._http.putheader("Content-Type", request.form.content_type)
        self._http.putheader("Content-Length", str(request.form.length))
        self._http.endheaders()
        self._upload(request.form)

    def _upload(self, form: Form) -> None:
        try:
            for chunk in form.chunks():
                self._http.send(chunk)
        except ConnectionError:
            # Refused before all was read: the refusal may lie there to be read.
            return

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": f"kadr-client/{VERSION}",
            "Accept": "application/json",
            "Accept-Language": language(),
        }


def _keep_asking(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ALIVE.items():
        if option := getattr(socket, name, None):  # each system has some of them
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def language() -> str:
    """Of the person's environment, of those that the service speaks: its titles and labels are
    shown as they come, beside lines of ours, which are English."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next(filter(None, names), "")  # POSIX: an empty one counts as none
    return "uk" if re.match(r"uk(?![a-z])", locale, re.IGNORECASE) else "en"


def reason(error: Exception) -> str:
    """Why there was no answer, in a few words."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, (ConnectionError, http.client.IncompleteRead)):
        return "the connection was dropped"
    if isinstance(error, http.client.HTTPException):
        return "it does not speak HTTP"
    return one_line(getattr(error, "strerror", None) or error)


def _parsed(url: str) -> tuple[str, str, int | None, str]:
    wrong = UsageError(f"not an address like http://127.0.0.1:8080: {url}")
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # as the socket will: it refuses empty and overlong labels
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise wrong
    if not url.isascii() or not url.isprintable() or " " in url:
        raise wrong
    return parts.scheme, host, port, parts.path
