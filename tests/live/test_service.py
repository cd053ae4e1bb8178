"""The whole way of an image: gunicorn, SQLite, Valkey, Celery, TensorFlow, the network."""

import json
import subprocess
import sys

import pytest

from benchmarks.memory import resident
from tests import make, models
from tests.live.service import ROOT, Service, wait_for

MODEL = models.SHIPPED
SAME = 1e-3  # the published tolerance, alone or in any batch


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [make.noise_jpeg(seed, side=40 + 10 * seed) for seed in range(8)]


@pytest.fixture(scope="module")
def expected(pictures: list[bytes], tmp_path_factory) -> list[dict[str, float]]:
    """What the bare network says of the pictures: the runtime in a process of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for number, content in enumerate(pictures):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(content)
    code = """
import json, sys
from pathlib import Path
import numpy as np
from ml import preprocess
from ml.runtime import Runtime
runtime = Runtime.load(Path(sys.argv[1]))
x = np.stack([preprocess.from_jpeg(Path(p).read_bytes(), 32) for p in sys.argv[2:]])
names = [c["id"] for c in runtime.classes]
print(json.dumps([dict(zip(names, map(float, row))) for row in runtime.predict(x).probabilities]))
"""
    command = [sys.executable, "-c", code, str(MODEL), *map(str, paths)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(out.stdout.splitlines()[-1])


def test_a_picture_is_answered_as_the_bare_network_answers_it(service, pictures, expected):
    for content, probabilities in zip(pictures, expected, strict=True):
        status, body = service.upload(content, Prefer="wait=30")
        assert status == 200
        best = max(probabilities, key=lambda label: probabilities[label])
        assert body["status"] == "succeeded"
        assert body["result"]["label"] == best
        assert body["result"]["confidence"] == body["result"]["top"][0]["confidence"]
        for entry in body["result"]["top"]:
            assert entry["confidence"] == pytest.approx(probabilities[entry["label"]], abs=SAME)


def test_the_answer_names_the_model_and_the_worker_row_its_device(service, pictures):
    _status, body = service.upload(pictures[0], Prefer="wait=30")
    manifest = json.loads((MODEL / "manifest.json").read_text())
    assert body["model"]["name"] == manifest["id"]
    ((device, host),) = service.rows("SELECT device, host FROM classifier_worker")
    assert device and host


def test_an_answer_can_be_polled_for(service, pictures):
    status, body = service.upload(pictures[1])
    assert status == 202
    wait_for(lambda: service.prediction(body["id"])["status"] == "succeeded", 60, service.describe)
    done = service.prediction(body["id"])
    assert done["attempt"] == 1
    assert done["created_at"] <= done["finished_at"]


def test_fifty_pictures_at_once_are_all_answered(service, pictures):
    ids = [service.upload(pictures[n % 8])[1]["id"] for n in range(50)]
    wait_for(lambda: service.unfinished() == 0, 60, service.describe)
    assert {service.prediction(pk)["status"] for pk in ids} == {"succeeded"}


def test_a_refusal_comes_from_the_running_service_too(service):
    status, body = service.upload(b"<svg/>" * 10)
    assert (status, body["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_files_that_are_too_large_are_refused_and_fill_no_disk(service):
    status, body = service.upload(b"\xff\xd8\xff" + b"0" * (25 * 1024 * 1024))
    assert (status, body["code"]) == (413, "IMAGE_TOO_LARGE")


def test_the_web_process_holds_less_than_150_megabytes(service, pictures):
    """Each gunicorn process, after it has decoded pictures and served pages."""
    for content in [*pictures, make.jpeg(4000, 3000)]:
        service.upload(content, Prefer="wait=30")
    service.request("GET", "/")
    pids = service.web_pids()
    assert len(pids) > 1
    for pid in pids:
        assert resident(pid) < 150_000_000, f"process {pid}"


def test_static_files_are_served_with_names_that_never_go_stale(service: Service):
    _status, headers, body = service.request("GET", "/")
    assert "content-security-policy" in {name.lower() for name in headers}
    style = body.decode().split(".css")[0].rsplit('"', 1)[-1] + ".css"
    status, headers, _body = service.request("GET", style)
    assert status == 200
    assert "immutable" in headers["Cache-Control"]
