"""What the launcher hears from /readyz."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from launcher.readiness import missing
from launcher.site import Site


class Answer(http.server.BaseHTTPRequestHandler):
    status = 200
    body = b""
    host = ""

    def do_GET(self) -> None:
        Answer.host = self.headers["Host"]
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def answer(site: Site) -> Iterator[type[Answer]]:
    with http.server.HTTPServer((site.host, site.port), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        yield Answer
        server.shutdown()


def test_nothing_is_missing_once_it_answers_200(site: Site, answer: type[Answer]) -> None:
    answer.status = 200

    assert missing(site) == []
    assert answer.host == "localhost"


def test_the_reasons_are_passed_on(site: Site, answer: type[Answer]) -> None:
    checks = {"database": {"ok": True}, "worker": {"ok": False, "error": "no worker"}}
    answer.status, answer.body = 503, json.dumps({"checks": checks}).encode()

    assert missing(site) == ["no worker"]


@pytest.mark.parametrize("body", [b"", b"<h1>Bad Request</h1>", b"[]", b'{"checks": {"a": 1}}'])
def test_any_other_answer_is_named_by_its_status(
    site: Site, answer: type[Answer], body: bytes
) -> None:
    answer.status, answer.body = 400, body

    assert missing(site) == ["/readyz answers 400"]


def test_no_answer_is_a_reason(site: Site) -> None:
    assert missing(site) == ["the web process does not answer yet"]
