"""Training runs on JAX and PyTorch as it does on TensorFlow, which serves what came of it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from benchmarks import venvs
from ml import data, manifest, runs, runtime
from ml.export import export

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent / "pytorch"
ON_CPU = {"JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
WITH_PYTORCH = ("keras", "numpy", "pillow", "pytest", "simplejpeg")
ANSWER = """
    import json, sys
    from pathlib import Path
    import keras
    from ml import architectures, manifest, runtime, weights

    assert keras.backend.backend() == "jax"
    answers = {}
    for folder in map(Path, sys.argv[1:]):
        described = manifest.read(folder)
        network = architectures.build(described.architecture)
        weights.load(network, folder)
        inputs, _expected = runtime.golden(folder)
        logits = keras.ops.convert_to_numpy(network(inputs, training=False))
        given = runtime.answers(logits, described.calibration)
        answers[folder.name] = given.probabilities.tolist()
    print(json.dumps(answers))
"""
TRAIN = """
    import sys
    from pathlib import Path
    from ml import data, recipes, train

    dataset, run, name = data.load(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
    recipe = train.complete({**recipes.read(name), "from": "", "batch": 20})
    recipe["averaging"] = {"after": 0}
    if "distillation" in recipe:
        recipe["distillation"]["teacher"] = "airbench_wide"  # which ships
    for epochs in (1, 2):  # the second goes on with the first
        train.train({**recipe, "epochs": epochs}, dataset, run)
"""


@pytest.fixture(scope="module")
def with_pytorch() -> Path:
    """An interpreter of an environment of its own: PyTorch takes some gigabytes."""
    return venvs.python(HERE / ".venv", HERE / "requirements.txt", WITH_PYTORCH)


def on(backend: str, code: str, *arguments: object, python: str = sys.executable) -> str:
    environment = {**os.environ, "KERAS_BACKEND": backend, **ON_CPU}
    return subprocess.run(
        [python, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_models_that_ship_say_the_same_on_both():
    shipped = manifest.shipped()
    answers = json.loads(on("jax", ANSWER, *shipped))
    for folder in shipped:
        expected = runtime.golden(folder)[1].probabilities
        assert np.array(answers[folder.name]) == pytest.approx(expected, abs=runtime.TOLERANCE)


def test_what_was_trained_on_jax_is_served_by_tensorflow(tiny_npz, tmp_path):
    on("jax", TRAIN, tiny_npz, tmp_path / "jax", "airbench_wide")
    assert_served(tmp_path / "jax", tiny_npz)


@pytest.mark.parametrize("recipe", ["airbench96_short", "cifar10_improved"])
def test_what_was_trained_on_pytorch_is_served_by_tensorflow(
    with_pytorch, tiny_npz, tmp_path, recipe
):
    """By SGD with a teacher and small pictures in its first epoch, and by AdamW; on the mean of
    both epochs."""
    run = tmp_path / "pytorch"
    on("torch", TRAIN, tiny_npz, run, recipe, python=str(with_pytorch))
    assert_served(run, tiny_npz)


def assert_served(run, tiny_npz):
    rows = runs.history(run)
    assert len(rows) == 2 and rows[1]["loss"] < rows[0]["loss"]
    assert np.isfinite(np.load(run / runs.LOSSES)).sum() > 80
    served = runtime.Runtime.load(export(run, data.load(tiny_npz), run.parent / "models"))
    served.warm_up()


def test_pytorch_by_parts_teaches_what_keras_teaches(with_pytorch):
    """tests/ml/pytorch, all of it, where PyTorch is installed."""
    run = subprocess.run(
        [with_pytorch, "-m", "pytest", "-c", HERE / "pytest.ini", "--confcutdir", HERE, HERE],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "torch", **ON_CPU},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
