"""The WSGI application."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classifier_site.settings")


class WholeBody:
    """A request's body that fails where it ends before its stated length.

    A form that was cut off would otherwise be read as if its last files had never been in it
    (Django's parser does not ask for the closing boundary).
    """

    def __init__(self, stream: Any, length: int) -> None:
        self.stream, self.left = stream, length

    def read(self, size: int = -1) -> bytes:
        return self._count(self.stream.read(size), size)

    def readline(self, size: int = -1) -> bytes:
        return self._count(self.stream.readline(size), size)

    def _count(self, data: bytes, size: int) -> bytes:
        self.left -= len(data)
        if self.left > 0 and (size < 0 or (not data and size)):
            raise ConnectionError("the body ended before its stated length")
        return data


django_application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018  # read now, and not by the first who asks


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal():
        environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
    return django_application(environ, start_response)
