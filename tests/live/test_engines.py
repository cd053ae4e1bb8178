"""The whole service with its network in LiteRT: a worker that answers as TensorFlow's does, and
never loads TensorFlow (Linux)."""

import contextlib
from pathlib import Path

import numpy as np
import psutil
import pytest

from ml import manifest, preprocess
from ml.runtime import TOLERANCE, Runtime
from tests.jpegs import noise_jpeg
from tests.live.service import Service, wait_for

pytestmark = pytest.mark.slow
OTHER = manifest.MODELS / "cifar10_improved"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    data = tmp_path_factory.mktemp("litert") / "data"
    with Service(data, KADR_ENGINE="litert").started() as service:
        service.settings.clear()  # commands in another terminal know nothing of that
        yield service


def holders(service: Service) -> list[psutil.Process]:
    """The processes under the worker that have LiteRT in memory."""
    below = psutil.Process(service.pid("worker")).children(recursive=True)
    return [process for process in below if "ai_edge_litert" in mapped(process)]


def mapped(process: psutil.Process) -> str:
    """The libraries in its memory; nothing of one that has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process.pid}/maps").read_text()
    return ""


def answered_as_by_tensorflow(service: Service, folder: Path, seed: int) -> None:
    contents = [noise_jpeg(seed + n) for n in range(3)]
    answers = [service.upload(content, Prefer="wait=30")[1] for content in contents]
    runtime = Runtime.load(folder)
    size = runtime.manifest.input_size
    expected = runtime.predict(np.stack([preprocess.from_jpeg(c, size) for c in contents]))
    ids = [kind["id"] for kind in runtime.classes]
    for answer, probabilities in zip(answers, expected.probabilities, strict=True):
        assert answer["status"] == "succeeded", answer
        assert answer["result"]["label"] == ids[int(probabilities.argmax())]
        confidence = answer["result"]["confidence"]
        assert confidence == pytest.approx(float(probabilities.max()), abs=TOLERANCE)
        assert answer["model"]["digest"] == runtime.digest


def test_pictures_get_the_answers_that_tensorflow_gives(running):
    answered_as_by_tensorflow(running, manifest.DEFAULT, seed=100)


def test_the_worker_holds_litert_and_no_tensorflow(running):
    (holder,) = holders(running)
    assert "libtensorflow" not in mapped(holder)


def test_the_worker_says_what_computes(running):
    told = running.rows("SELECT device, engine FROM classifier_worker")
    assert told == [("CPU (LiteRT)", "litert")]


def test_another_model_is_checked_by_the_same_engine_and_serves(running):
    said = running.manage("activate", OTHER.name)
    assert "serves from now on" in said
    digest = manifest.read(OTHER).digest
    serving = (
        "SELECT v.digest FROM classifier_worker w JOIN classifier_modelversion v ON v.id=w.model_id"
    )
    wait_for(lambda: running.rows(serving) == [(digest,)], 120, running.describe)
    answered_as_by_tensorflow(running, OTHER, seed=200)


def test_one_that_is_killed_comes_back_the_same(running):
    (holder,) = holders(running)
    holder.kill()
    query = "SELECT name FROM classifier_worker ORDER BY started_at DESC LIMIT 1"
    wait_for(
        lambda: not running.rows(query)[0][0].endswith(f":{holder.pid}"), 120, running.describe
    )
    assert len(holders(running)) == 1
    answered_as_by_tensorflow(running, OTHER, seed=300)
