"""LiteRT beside TensorFlow: the same answers, without TensorFlow in the process that gives them.
tests/ml/test_runtime.py asks both for all else that a serving path promises."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from django.conf import settings

from benchmarks.service import wait_for
from ml import engines, manifest, other_pictures, preprocess
from ml import runtime as runtimes
from ml.engines import litert
from ml.manifest import EngineError, ModelError
from ml.runtime import SCORE_TOLERANCE, TOLERANCE, Runtime
from tests import make
from tests.ml.test_train import ROOT

SMALLEST = manifest.MODELS / "airbench94"  # what is converted soonest
KINDS = {
    "drawings": other_pictures.drawings,
    "details": other_pictures.crops,
    "photos": other_pictures.package_photos,
    "faces": other_pictures.faces,
}
SOON = (manifest.DEFAULT.name, SMALLEST.name)  # the others are asked by make test-slow
SHIPPED = [
    folder.name if folder.name in SOON else pytest.param(folder.name, marks=pytest.mark.slow)
    for folder in manifest.shipped()
]


def pictures(n: int) -> np.ndarray:
    return np.stack([preprocess.from_jpeg(make.noise_jpeg(seed), 32) for seed in range(n)])


@pytest.fixture(scope="module")
def by_litert() -> Runtime:
    return Runtime.load(SMALLEST, "litert")


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


@pytest.fixture(scope="module")
def unsure() -> np.ndarray:
    """A thousand pictures of other things, of which no network is sure: where two classes are
    nearly as likely, the least difference would show."""
    quarter = other_pictures.make(KINDS, 250, 32)
    return np.concatenate([*quarter.values()])


@pytest.mark.slow
def test_every_model_that_ships_says_the_same_alone_and_in_every_batch(pair, unsure):
    for runtime in pair.values():
        alone = in_batches(runtime, unsure, 1)
        assert len(np.unique(alone.argmax(1))) > 5 and np.median(alone.max(1)) < 0.9
        for n in runtimes.BUCKETS[1:]:
            together = in_batches(runtime, unsure, n)
            assert np.abs(together - alone).max() <= TOLERANCE
            assert (together.argmax(1) == alone.argmax(1)).all()


def in_batches(runtime: Runtime, x: np.ndarray, n: int) -> np.ndarray:
    parts = [runtime.predict(x[i : i + n]).probabilities for i in range(0, len(x), n)]
    return np.concatenate(parts)


def test_each_tells_what_it_runs_on(pair):
    assert pair["litert"].device == "CPU (LiteRT)" != pair["tensorflow"].device


def said_by(program: str) -> str:
    """The last line of a fresh process that is told where the smallest model lies."""
    said = subprocess.check_output([sys.executable, "-c", program, str(SMALLEST)], cwd=ROOT)
    return said.decode().splitlines()[-1]


def test_a_process_that_serves_by_litert_never_loads_tensorflow():
    program = (
        "import sys; from pathlib import Path; from ml.runtime import Runtime;"
        "Runtime.load(Path(sys.argv[1]), 'litert').warm_up();"
        "print(sorted({'tensorflow', 'keras', 'ai_edge_litert'} & set(sys.modules)))"
    )
    assert said_by(program) == "['ai_edge_litert']"


def test_tensorflow_s_threads_sleep_while_they_wait():
    """They share their cores with the web server; TensorFlow's own default is to look for work."""
    program = (
        "import sys; from pathlib import Path; from ml.runtime import Runtime;"
        "Runtime.load(Path(sys.argv[1])).warm_up();"
        "from tensorflow.python.eager import context; now = context.context();"
        "print(now._initialized, now.config.experimental.disable_thread_spinning)"
    )
    assert said_by(program) == "True True"


def test_a_process_that_has_calculated_by_tensorflow_already_can_still_load_a_network():
    program = (
        "import sys; import tensorflow as tf; tf.constant(1) + 1;"
        "from pathlib import Path; from ml.runtime import Runtime;"
        "Runtime.load(Path(sys.argv[1])).warm_up(); print(int(tf.constant(1) + 1))"
    )
    assert said_by(program) == "2"


def test_threads_that_ask_at_once_get_their_own_answers(by_litert):
    x = pictures(16)
    expected = [by_litert.predict(x[i : i + 1]).probabilities for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(lambda i: by_litert.predict(x[i : i + 1]).probabilities, range(16))
    for got, wanted in zip(asked, expected, strict=True):
        assert np.array_equal(got, wanted)


def converted(folder: Path) -> bytes:
    return litert.converted(folder, manifest.read(folder))


@pytest.fixture
def beside(monkeypatch, tmp_path) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_was_converted_is_not_left_lying(beside):
    assert len(converted(SMALLEST)) > 1_000_000
    assert list(beside.iterdir()) == []


def test_without_litert_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(EngineError, match="make run ENGINE=litert"):
        Runtime.load(SMALLEST, "litert")


def test_weights_that_do_not_fit_are_the_model_s_fault(tmp_path):
    folder = shutil.copytree(SMALLEST, tmp_path / "model")
    np.savez(folder / manifest.WEIGHTS, **{"0-kernel": np.zeros((3, 3, 3, 32))})
    content = json.loads((folder / manifest.MANIFEST).read_text())
    content["weights_sha256"] = manifest.sha256(folder / manifest.WEIGHTS)
    (folder / manifest.MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"cannot be converted for LiteRT: .*does not fit"):
        Runtime.load(folder, "litert")


def test_a_folder_that_is_changed_before_it_is_converted_is_refused():
    expected = dataclasses.replace(manifest.read(SMALLEST), input_size=64)
    with pytest.raises(ModelError, match="was changed meanwhile"):
        litert.converted(SMALLEST, expected)


def test_a_network_that_litert_does_not_know_is_the_model_s_fault():
    program = """
        import sys
        from pathlib import Path
        from unittest import mock
        import tensorflow as tf
        from ml.engines import convert

        unknown = lambda x, training: tf.raw_ops.DataFormatVecPermute(x=tf.shape(x))
        sys.argv = ["convert", *sys.argv[1:]]
        with mock.patch.object(convert, "network", lambda _folder, _described: unknown):
            convert.main()
    """
    folder = manifest.DEFAULT
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder)]
    done = subprocess.run(
        [*command, manifest.read(folder).digest], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == litert.REFUSED and done.stdout == b""
    assert b"LiteRT does not know such a network" in done.stderr.splitlines()[-1]


@pytest.fixture
def instead(monkeypatch, tmp_path) -> Callable[[str], None]:
    """Lets a test say what a shell does in the conversion's place."""

    def give(script: str) -> None:
        (tmp_path / "python").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "python").chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    return give


def test_a_conversion_that_hangs_is_ended(monkeypatch, instead):
    monkeypatch.setattr(litert, "CONVERSION_SECONDS", 1)
    instead("exec sleep 60")
    with pytest.raises(EngineError, match="took more than 1 s"):
        converted(SMALLEST)


def test_a_conversion_that_is_cut_short_leaves_nothing(monkeypatch, beside):
    monkeypatch.setattr(litert, "CONVERSION_SECONDS", 2)  # TensorFlow alone takes longer
    with pytest.raises(EngineError):
        converted(SMALLEST)
    assert list(beside.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo warning >&2; kill -KILL $$", "ended by signal 9, and needs up to 1.6 GB"),
        ("echo 'MemoryError: no room' >&2; exit 1", "MemoryError: no room"),
        ("exit 2", "no reason was given"),
    ],
)
def test_a_conversion_that_dies_is_not_the_model_s_fault(script, told, instead):
    instead(script)
    with pytest.raises(EngineError, match=told):
        converted(SMALLEST)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends them")
def test_the_conversion_ends_with_whoever_wants_it():
    program = "import sys; from pathlib import Path; from ml.runtime import Runtime;"
    program += "Runtime.load(Path(sys.argv[1]), 'litert')"
    wants = psutil.Popen([sys.executable, "-c", program, str(SMALLEST)], cwd=ROOT)
    try:
        wait_for(lambda: bool(converting(wants)), 60)
        (conversion,) = converting(wants)
    finally:
        wants.kill()
        wants.wait()
    wait_for(lambda: has_ended(conversion), 10)


def converting(process: psutil.Process) -> list[psutil.Process]:
    """Those of its children that have loaded TensorFlow, long after they were told how to end."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return [
            child
            for child in process.children()
            if "libtensorflow" in Path(f"/proc/{child.pid}/maps").read_text()
        ]
    return []


def has_ended(process: psutil.Process) -> bool:
    """Also where nobody has asked how."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_a_conversion_fits_into_the_time_that_a_worker_and_a_gate_have():
    assert litert.CONVERSION_SECONDS < settings.CELERY_WORKER_PROC_ALIVE_TIMEOUT
    assert 2 * litert.CONVERSION_SECONDS < settings.TRIAL_SECONDS


def test_an_engine_that_there_is_not_is_refused_by_name():
    with pytest.raises(EngineError, match="no engine 'abacus'; there are tensorflow and litert"):
        engines.load(SMALLEST, manifest.read(SMALLEST), "abacus")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
def test_it_uses_the_cores_that_it_may():
    program = "import os; from ml.engines import litert;"
    program += "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(litert._cores())"
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT).strip() == b"1"


def check(folder: Path, engine: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ml.check", "--engine", engine, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_network_that_litert_cannot_run_is_the_model_s_fault(by_litert, monkeypatch):
    monkeypatch.setattr(by_litert.engine, "_network", b"no network")
    monkeypatch.setattr(by_litert.engine, "_interpreters", {})
    with pytest.raises(ModelError, match="airbench94 does not run in LiteRT"):
        by_litert.predict(pictures(1))


def test_the_command_that_checks_a_model_says_on_what_it_ran():
    done = check(SMALLEST, "litert")
    assert done.returncode == 0 and done.stdout.endswith("answers as it should on CPU (LiteRT)\n")
