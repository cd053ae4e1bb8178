"""How engines are compared. TensorFlow and LiteRT are real here; the others are not installed,
so what they do is told by the measurement itself, which checks their answers."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.engines import __main__ as engines
from benchmarks.engines import networks, runners
from benchmarks.report import WrongError
from benchmarks.service import ROOT

NAME = "airbench94"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    np.save(folder / networks.INPUTS, networks.inputs(NAME))
    return folder


@pytest.fixture
def here(monkeypatch):
    """The project's own environment instead of the benchmark's."""
    monkeypatch.setattr(engines, "VENV", Path(sys.prefix))


def test_tensorflow_is_timed_in_a_process_of_its_own(folder, here):
    with engines.Engine("TensorFlow", NAME, folder) as engine:
        assert engine.apart(engine) == 0
        for batch in networks.BATCHES:
            timed = engine.timed(batch, 0.2)
            assert 0 < timed["call"] < 60 and timed["core"] > 0
        assert timed["peak"] > 200e6  # TensorFlow alone takes more


def test_litert_is_timed_and_what_converted_for_it_is_told(folder, here):
    with engines.Engine("LiteRT", NAME, folder) as engine:
        row = engine.loading("loading")
        assert row.figure > 1 and row.unit == "s"
        assert 500 < int(re.search(r"took (\d+) MB", row.note)[1]) < 3000


def test_an_engines_memory_is_its_own_however_much_the_benchmark_holds(folder, here):
    held = np.ones(600_000_000, np.uint8)
    with engines.Engine("LiteRT", NAME, folder) as engine:
        assert 0 < engine.timed(1, 0.2)["peak"] < 500e6 < held.nbytes


def test_an_engine_that_cannot_run_is_told_of(folder, here):
    with pytest.raises(WrongError, match="ONNX Runtime ended with 1"):
        engines.Engine("ONNX Runtime", NAME, folder)


def engine(probabilities: list[list[float]]) -> engines.Engine:
    found = engines.Engine.__new__(engines.Engine)
    found.name, found.answers = "It", {"probabilities": probabilities, "alone": probabilities[:1]}
    return found


@pytest.mark.parametrize("other", [[0.502, 0.498], [float("nan")] * 2])
def test_an_engine_with_other_answers_is_not_timed(other):
    with pytest.raises(WrongError, match="from It"):
        engine([[0.5, 0.5]]).apart(engine([other]))


def test_answers_may_differ_by_the_tolerance_that_serving_has():
    assert engine([[0.5, 0.5]]).apart(engine([[0.5005, 0.4995]])) == pytest.approx(0.0005)


def test_figures_are_medians_and_ratios_are_within_a_round():
    def timed(*calls: float) -> dict[int, list[dict[str, float]]]:
        one = [{"call": call, "core": 0.001, "peak": 2.0**20 * 300} for call in calls]
        return dict.fromkeys(networks.BATCHES, one)

    found = {"TensorFlow": timed(0.01, 0.02, 0.08), "It": timed(0.005, 0.01, 0.04)}
    alone, many, memory = engines.rows("net", "It", found, 2e-7)
    assert (alone.figure, alone.unit) == (10.0, "ms")
    assert (many.figure, many.unit) == (12_800, "images/s")
    assert "2.00 times TensorFlow, 1.00 core-ms an image" in alone.note
    assert (memory.figure, memory.unit) == (300, "MB")
    assert "2e-07" in memory.note


def test_every_engine_has_its_library_pinned():
    pinned = (engines.HERE / "requirements.txt").read_text()
    for library in ("onnxruntime==", "openvino==", "ai-edge-litert=="):
        assert library in pinned
    assert len(runners.ENGINES) == 4


def test_litert_is_measured_in_the_version_that_serves():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    served = extras["optional-dependencies"]["litert"][0]
    assert served in (engines.HERE / "requirements.txt").read_text().splitlines()
