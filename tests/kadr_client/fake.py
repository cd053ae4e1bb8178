"""A small service that keeps the contract of /api/v1/batches, and can be told to fail.

tests/live/test_client.py asks the real one."""

import json
import threading
import uuid
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "kadr_good"
POLLS = 2  # until a batch is completed


class Fake:
    def __init__(self) -> None:
        self.batches: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, tuple[Any, str]] = {}  # key -> what was sent, the batch it made
        self.polls: dict[str, int] = {}
        self.log: list[str] = []
        self.languages: set[str] = set()  # that were asked for
        self.forms: list[Any] = []
        self.faults: list[Any] = []  # each takes a handler; the next request of FAULTY meets it
        self.faulty = "POST"
        self.ends_as = "completed"
        self.model = "d" * 64  # that serves
        self.since: dict[str, dict[str, Any]] = {}  # what became of items afterwards, by name
        self.lock = threading.Lock()
        fake = self
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (Handler,), {"fake": fake})
        )
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def names(self) -> list[str]:
        return [item["custom_id"] for items in self.batches.values() for item in items]

    def take(self, key: str, form: Any) -> tuple[int, Any]:
        with self.lock:
            sent, batch_id = self.keys.get(key, (form, ""))
            if sent != form:
                return 422, problem("IDEMPOTENCY_KEY_REUSED", 422)
            if not batch_id:
                batch_id = str(uuid.uuid4())
                self.keys[key] = (form, batch_id)
                self.batches[batch_id] = [classified(*picture) for picture in form["images"]]
                self.forms.append(form)
            return 202, self.batch(batch_id)

    def batch(self, batch_id: str) -> dict[str, Any]:
        done = self.polls.get(batch_id, 0) >= POLLS
        total = len(self.batches[batch_id])
        counts = {"total": total, "queued": 0, "succeeded": total if done else 0}
        return {
            "id": batch_id,
            "status": self.ends_as if done else "running",
            "counts": counts,
        }


def classified(name: str, content: bytes) -> dict[str, Any]:
    item = {"custom_id": name, "id": str(uuid.uuid4()), "result": None, "error": None}
    if not content.startswith(b"\xff\xd8"):
        error = {"code": "UNSUPPORTED_MEDIA_TYPE", "title": "Not a JPEG"}
        return item | {"status": "failed", "error": error}
    top = [{"label": "cat", "label_localized": "cat", "confidence": 0.75}]
    return item | {"status": "succeeded", "result": {**top[0], "top": top}}


def problem(code: str, status: int) -> dict[str, Any]:
    return {"code": code, "title": f"The title of {code}.", "status": status, "detail": "More."}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Fake

    def do_GET(self) -> None:  # http.server's name
        if self._stopped():
            return
        if self.path.startswith("/api/v1/predictions"):
            self.answer(200, {"results": []})
        elif self.path == "/api/v1/models":
            others = [{"name": "other", "digest": "e" * 64, "active": False}]
            serving = [{"name": "tiny", "digest": self.fake.model, "active": True}]
            self.answer(200, others + serving * bool(self.fake.model))
        elif "/batches/" not in self.path or (found := self._batch_id()) not in self.fake.batches:
            self.answer(404, problem("NOT_FOUND", 404))
        elif self.path.endswith("/results"):
            items = [i | self.fake.since.get(i["custom_id"], {}) for i in self.fake.batches[found]]
            lines = [json.dumps(item) + "\n" for item in items]
            assert self.headers["Accept"] == "application/jsonl"
            self.answer(200, "".join(lines), "application/jsonl")
        else:
            self.fake.polls[found] = self.fake.polls.get(found, 0) + 1
            self.answer(200, self.fake.batch(found), **{"Retry-After": "0"})

    def do_POST(self) -> None:
        if self._stopped():
            return
        form = self.form()
        if form is None:  # the client broke off
            self.close_connection = True
            return
        self.answer(*self.fake.take(self.headers["Idempotency-Key"], form))

    def form(self) -> dict[str, Any] | None:
        """Parsed by the standard library's mail parser, which the client does not share."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return None
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = list(BytesParser(policy=HTTP).parsebytes(head + body).iter_parts())
        images = [
            (part.get_filename(), part.get_payload(decode=True))
            for part in parts
            if part.get_filename()
        ]
        fields = {
            part.get_param("name", header="content-disposition"): part.get_payload()
            for part in parts
            if not part.get_filename()
        }
        return {"images": images, "fields": fields}

    def answer(
        self, status: int, body: Any, kind: str = "application/json", **headers: str
    ) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _batch_id(self) -> str:
        return self.path.split("/batches/")[1].split("/")[0]

    def _stopped(self) -> bool:
        """Met by a fault, or without the token."""
        self.fake.log.append(f"{self.command} {self.path}")
        self.fake.languages.add(self.headers["Accept-Language"])
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.answer(401, problem("UNAUTHENTICATED", 401))
            return True
        if self.fake.faulty in f"{self.command} {self.path}" and self.fake.faults:
            self.fake.faults.pop(0)(self)
            return True
        return False

    def log_message(self, *_args: Any) -> None:
        pass


def refuse(code: str, status: int, **headers: str) -> Any:
    """A fault: reads all that is sent, then refuses."""

    def fault(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        handler.answer(status, problem(code, status), "application/problem+json", **headers)

    return fault


def pass_on(handler: Handler) -> None:
    """No fault: what comes after it meets a later request."""
    handler.answer(*handler.fake.take(handler.headers["Idempotency-Key"], handler.form()))


def drop_before(handler: Handler) -> None:
    """A fault: the connection ends in the middle of the upload."""
    handler.rfile.read(10)
    handler.drop()


def drop_after(handler: Handler) -> None:
    """A fault: the batch is made, and the answer never comes."""
    handler.fake.take(handler.headers["Idempotency-Key"], handler.form())
    handler.drop()


def cut_short(handler: Handler) -> None:
    """A fault: of the results only the first line and a half come, and a clean end."""
    items = handler.fake.batches[handler._batch_id()]
    text = "".join(json.dumps(item) + "\n" for item in items)
    handler.answer(200, text[: len(text) * 3 // 4], "application/jsonl")


def page(status: int, **headers: str) -> Any:
    """A fault: a web page, as from a proxy or another program."""

    def fault(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        told = {"Location": "https://kadr.example/", **headers}
        handler.answer(status, "<html>hello</html>", "text/html", **told)

    return fault
