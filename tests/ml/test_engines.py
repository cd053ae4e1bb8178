"""LiteRT beside TensorFlow: the same answers, without TensorFlow in the process that gives them.
tests/ml/test_runtime.py asks both for all else that a serving path promises."""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ml import engines, manifest, preprocess
from ml.engines import litert
from ml.manifest import ModelError
from ml.runtime import BUCKETS, SCORE_TOLERANCE, TOLERANCE, Runtime
from tests import make
from tests.ml.test_train import ROOT

SHIPPED = [folder.name for folder in manifest.shipped()]


def pictures(n: int) -> np.ndarray:
    return np.stack([preprocess.from_jpeg(make.noise_jpeg(seed), 32) for seed in range(n)])


@pytest.fixture(scope="module", params=SHIPPED)
def pair(request) -> dict[str, Runtime]:
    """A model that ships, in both engines."""
    folder = manifest.MODELS / request.param
    return {name: Runtime.load(folder, name) for name in manifest.ENGINES}


def test_every_model_that_ships_gives_its_golden_answers_in_both(pair):
    for runtime in pair.values():
        runtime.check_golden()


def test_they_say_the_same_of_pictures_alone_and_in_company(pair):
    x = pictures(40)
    expected = pair["tensorflow"].predict(x)
    for n in (1, 5, 40):
        got = pair["litert"].predict(x[:n])
        assert np.abs(got.probabilities - expected.probabilities[:n]).max() <= TOLERANCE
        assert np.abs(got.off_topic - expected.off_topic[:n]).max() <= SCORE_TOLERANCE
        assert (got.probabilities.argmax(1) == expected.probabilities[:n].argmax(1)).all()


def test_they_are_one_version_of_the_model(pair):
    assert pair["litert"].digest == pair["tensorflow"].digest
    assert pair["litert"].device != pair["tensorflow"].device


def test_a_process_that_serves_by_litert_never_loads_tensorflow(model_folder):
    program = (
        "import sys; from pathlib import Path; from ml.runtime import Runtime;"
        "Runtime.load(Path(sys.argv[1]), 'litert').warm_up();"
        "print(sorted({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)))"
    )
    said = subprocess.check_output([sys.executable, "-c", program, str(model_folder)], cwd=ROOT)
    assert said.decode().splitlines()[-1] == "['ai_edge_litert']"


def test_threads_that_ask_at_once_get_their_own_answers(model_folder):
    runtime = Runtime.load(model_folder, "litert")
    x = pictures(16)
    expected = [runtime.predict(x[i : i + 1]).probabilities for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda i: runtime.predict(x[i : i + 1]).probabilities, [*range(16)]))
    for got, wanted in zip(asked, expected, strict=True):
        assert np.array_equal(got, wanted)


def test_what_was_converted_is_not_left_lying(model_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(litert.converted(model_folder)) > 1_000_000
    assert list(tmp_path.iterdir()) == []


def test_without_litert_the_remedy_is_told(model_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(ModelError, match="make run ENGINE=litert"):
        Runtime.load(model_folder, "litert")


def test_a_network_that_cannot_be_converted_is_refused_with_the_reason(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    np.savez(folder / manifest.WEIGHTS, **{"0-kernel": np.zeros((3, 3, 3, 32))})
    with pytest.raises(ModelError, match=r"cannot be converted for LiteRT: .*does not fit"):
        litert.converted(folder)


def test_a_conversion_that_hangs_is_ended(model_folder, monkeypatch):
    monkeypatch.setattr(litert, "CONVERSION_SECONDS", 0.2)
    with pytest.raises(ModelError, match=r"took more than 0\.2 s"):
        litert.converted(model_folder)


def test_a_conversion_that_is_killed_is_told_of(model_folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ModelError, match="exit code 1"):
        litert.converted(model_folder)


def test_an_engine_that_there_is_not_is_refused_by_name(model_folder):
    with pytest.raises(ModelError, match="no engine 'abacus'; there are tensorflow and litert"):
        engines.load(model_folder, manifest.read(model_folder), "abacus")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
def test_it_uses_the_cores_that_it_may():
    program = "import os; from ml.engines import litert; os.sched_setaffinity(0, {0});"
    program += "print(litert._cores())"
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT).strip() == b"1"


def check(folder: Path, engine: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml.check", "--engine", engine, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_that_checks_a_model_says_on_what_it_ran(model_folder):
    done = check(model_folder, "litert")
    assert done.returncode == 0 and done.stdout.endswith("answers as it should on CPU (LiteRT)\n")


def test_a_bucket_is_prepared_once(model_folder):
    runtime = Runtime.load(model_folder, "litert")
    assert runtime.engine.sizes() == 0
    runtime.warm_up()
    assert runtime.engine.sizes() == len(BUCKETS)
