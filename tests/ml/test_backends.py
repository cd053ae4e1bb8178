"""Training runs on JAX as it does on TensorFlow, which serves what came of it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ml import data, manifest, runs, runtime
from ml.export import export

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent
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

    dataset, run = data.load(Path(sys.argv[1])), Path(sys.argv[2])
    recipe = train.complete({**recipes.read("airbench_wide"), "from": "", "batch": 20})
    for epochs in (1, 2):  # the second goes on with the first
        train.train({**recipe, "epochs": epochs}, dataset, run)
"""


def on_jax(code: str, *arguments: object) -> str:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_models_that_ship_say_the_same_on_both():
    shipped = manifest.shipped()
    answers = json.loads(on_jax(ANSWER, *shipped))
    for folder in shipped:
        expected = runtime.golden(folder)[1].probabilities
        assert np.array(answers[folder.name]) == pytest.approx(expected, abs=runtime.TOLERANCE)


def test_what_was_trained_on_jax_is_served_by_tensorflow(tiny_npz, tmp_path):
    run = tmp_path / "jax"
    on_jax(TRAIN, tiny_npz, run)
    rows = runs.history(run)
    assert len(rows) == 2 and rows[1]["loss"] < rows[0]["loss"]
    assert np.isfinite(np.load(run / runs.LOSSES)).sum() > 80
    served = runtime.Runtime.load(export(run, data.load(tiny_npz), tmp_path / "models"))
    served.warm_up()
