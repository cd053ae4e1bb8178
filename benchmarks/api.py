"""What the benchmarks ask of the service over HTTP. Whatever is not as it should be raises
WrongError."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from benchmarks.report import WrongError
from benchmarks.service import Connected, Service, form

BATCHES, PREDICTIONS = "/api/v1/batches", "/api/v1/predictions"
LONGEST = 3600  # seconds
Files = dict[str, bytes]


def as_zip(files: Files) -> tuple[bytes, dict[str, str]]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return form("archive", {"pictures.zip": out.getvalue()})


def as_lines(image_ids: Iterable[str]) -> tuple[bytes, dict[str, str]]:
    """A batch of pictures that were sent before."""
    lines = (json.dumps({"image_id": pk, "custom_id": str(n)}) for n, pk in enumerate(image_ids))
    return "\n".join(lines).encode(), {"Content-Type": "application/jsonl"}


def send(service: Service, body: bytes, headers: dict[str, str]) -> str:
    """Send a batch; returns its id."""
    status, _headers, answer = service.request("POST", BATCHES, body, LONGEST, **headers)
    if status != 202:
        raise WrongError(f"Not accepted: {answer.decode()}")
    return str(json.loads(answer)["id"])


def ask_one(client: Connected, content: bytes) -> dict[str, Any]:
    """Send one picture and wait for its answer."""
    body, headers = form("image", {"picture.jpg": content})
    headers["Prefer"] = "wait=30"
    status, _headers, answer = client.request("POST", PREDICTIONS, body, **headers)
    if status != 200:
        raise WrongError(f"No answer: {status} {answer[:300].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(answer)
    return found


def ask_later(service: Service, content: bytes) -> str:
    """Send one picture; returns the picture's id, by which it can be asked about again."""
    body, headers = form("image", {"picture.jpg": content})
    status, _headers, answer = service.request("POST", PREDICTIONS, body, 60, **headers)
    if status != 202:
        raise WrongError(f"Not accepted: {status} {answer[:300].decode(errors='replace')}")
    return str(json.loads(answer)["image"]["id"])


def finished(service: Service, batch: str) -> bool:
    return bool(ask(service, f"{BATCHES}/{batch}")["status"] == "completed")


def wait(
    service: Service,
    batch: str,
    pause: float | None = None,
    in_vain: Callable[[], bool] = lambda: False,
) -> datetime:
    """When the batch was completed, by the service's clock. Asks every `pause` seconds, or as
    seldom as the service wishes, and no longer once it is `in_vain`."""
    deadline = time.monotonic() + LONGEST
    while True:
        status, headers, body = service.request("GET", f"{BATCHES}/{batch}")
        found = json.loads(body) if status == 200 else {}
        if found.get("completed_at"):
            return datetime.fromisoformat(found["completed_at"])
        if "Retry-After" not in headers or time.monotonic() > deadline or in_vain():
            raise WrongError(f"The batch was not completed: {status} {body[:300]!r}")
        time.sleep(float(headers["Retry-After"]) if pause is None else pause)


def results(service: Service, batch: str) -> Iterator[dict[str, Any]]:
    for line in get(service, f"{BATCHES}/{batch}/results").splitlines():
        yield json.loads(line)


def ask(service: Service, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get(service, path))
    return found


def get(service: Service, path: str) -> bytes:
    status, _headers, body = service.request("GET", path)
    if status != 200:
        raise WrongError(f"GET {path}: {status} {body[:300].decode(errors='replace')}")
    return body


def images(service: Service, batch: str) -> Iterator[str]:
    """The ids of a batch's pictures."""
    path = f"{BATCHES}/{batch}/items?page_size=100"
    while path:
        page = ask(service, path)
        yield from (item["image"]["id"] for item in page["results"])
        path = page["next"].split("/", 3)[-1] if page["next"] else ""
        path = f"/{path}" if path else ""
