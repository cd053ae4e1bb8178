"""The systems that are compared, each started on a port of its own on loopback."""

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import processes
from benchmarks.peers.clients import Encoded, Target
from benchmarks.report import WrongError
from benchmarks.service import ROOT, Service, form, free_port, own_environment, wait_for

START_SECONDS = 240
LOOPBACK = ["--host", "127.0.0.1", "--port"]  # the port follows
JSON = {"Content-Type": "application/json"}
# A rate meant for people would otherwise be what is measured.
UNBOUNDED = {"KADR_RATE_TOKEN": "10000000", "KADR_RATE_ADDRESS": "10000000"}


class UnboundedService(Service):
    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **UNBOUNDED}


@contextlib.contextmanager
def running_kadr(data: Path) -> Iterator[Target]:
    """Kadr, ready to answer, with nothing kept so far and nothing left behind in `data`."""
    with tempfile.TemporaryDirectory(prefix="kadr", dir=data) as folder:
        service = UnboundedService(Path(folder))
        try:
            yield kadr(service.start())
        finally:
            service.stop()


def kadr(service: Service) -> Target:
    return Target(
        "Kadr",
        service.port,
        "/api/v1/predictions",
        _kadr(service.token),
        _result,
        lambda: sum(processes.spent(service).values()),
    )


def _kadr(token: str) -> Callable[[bytes], Encoded]:
    def encode(picture: bytes) -> Encoded:
        body, headers = form("image", {"picture.jpg": picture})
        return body, {**headers, "Prefer": "wait=30", "Authorization": f"Bearer {token}"}

    return encode


def _result(body: bytes) -> tuple[str, float]:
    result = json.loads(body)["result"]
    return result["label"], result["confidence"]


def _fastapi(picture: bytes) -> Encoded:
    return form("image", {"picture.jpg": picture})


def _litserve(picture: bytes) -> Encoded:
    return json.dumps({"image": base64.b64encode(picture).decode()}).encode(), JSON


def _bentoml(picture: bytes) -> Encoded:
    return json.dumps({"images": [base64.b64encode(picture).decode()]}).encode(), JSON


def _answer(body: bytes) -> tuple[str, float]:
    answer = json.loads(body)
    (answer,) = answer if isinstance(answer, list) else [answer]
    return answer["label"], answer["confidence"]


PEERS: dict[str, tuple[list[str], Callable[[bytes], Encoded]]] = {
    "FastAPI, model.predict": (
        ["uvicorn", "benchmarks.peers.fastapi_app:app", *LOOPBACK],
        _fastapi,
    ),
    "BentoML": (
        ["bentoml", "serve", "benchmarks.peers.bentoml_app:Batching", *LOOPBACK],
        _bentoml,
    ),
    "LitServe": (["python", "-m", "benchmarks.peers.litserve_app"], _litserve),
}


@contextlib.contextmanager
def running(name: str, venv: Path, data: Path) -> Iterator[Target]:
    """A peer, ready to answer. Raises TimeoutError with what it wrote where it does not start."""
    (program, *words), encode = PEERS[name]
    port, log = free_port(), data / f"{name.split(',')[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(venv / "bin" / program), *words, str(port)],
            cwd=ROOT,
            env=_environment(data),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for(lambda: _ready(port, process), START_SECONDS, lambda: log.read_text()[-3000:])
        yield Target(
            name,
            port,
            "/classify",
            encode,
            _answer,
            lambda: sum(map(processes.seconds, processes.family(process.pid))),
        )
    finally:
        _end(process)


def _environment(data: Path) -> dict[str, str]:
    return own_environment(data) | {
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "BENTOML_HOME": str(data / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
    }


def _ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Each of the three shows what it offers, once it is up."""
    if process.poll() is not None:
        raise WrongError(f"{process.args!r} ended with {process.returncode}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/docs.json" if "bentoml" in str(process.args) else "/docs")
        return connection.getresponse().status == 200
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
