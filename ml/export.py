"""Make a model folder of a finished run: python -m ml.export NAME [--data DATA]

Kernels are stored in half precision, which halves the file; everything after that, the calibration,
the thresholds, the golden answers and all that ml.evaluate measures, is made with the stored
weights. ml.train does this by itself when it is done.
"""

import argparse
import base64
import importlib.metadata
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import (
    architectures,
    batches,
    cli,
    data,
    layers,
    manifest,
    metrics,
    off_topic,
    runs,
    runtime,
    weights,
)
from ml.preprocess import PREPROCESSING

LIBRARIES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "pillow")
COVERAGE = 0.95  # how often the prediction set holds the truth
BATCH = 100  # pictures at a time
KEPT = 0.95  # share of the classes' own pictures that is not called off-topic


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        before = _digest(args.to / args.name)
        folder = export(args.runs / args.name, cli.dataset(args), args.to)
        after = _digest(folder)
    print(f"Wrote {folder}. Now measure it: python -m ml.evaluate {folder} --write")
    if before not in ("", after):
        print(
            f"It replaces another version, {before[:12]}: where that one serves, "
            f"python manage.py activate {args.name} lets this one serve"
        )


def _digest(folder: Path) -> str:
    """Of the model in a folder; "" where there is none."""
    try:
        return manifest.read(folder).digest
    except manifest.ManifestError:
        return ""


def export(run: Path, dataset: data.Dataset, to: Path) -> Path:
    """Write the folder `to`/NAME of the run's name, replacing an earlier one.

    Raises FileNotFoundError or ValueError where there is no run, or none that is finished.
    """
    network, card = runs.finished(run), runs.card(run)
    if card["data_sha256"] != dataset.sha256:
        raise ValueError(f"{run} was trained on other pictures than these")
    if card.get("labels_sha256", dataset.labels_sha256) != dataset.labels_sha256:
        raise ValueError(f"{run} was trained with other labels than these")
    partial, folder = to / f".{run.name}.partial", to / run.name
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write(partial, run, network, dataset)
    earlier = to / f".{run.name}.earlier"
    shutil.rmtree(earlier, ignore_errors=True)
    if folder.exists():
        folder.rename(earlier)
    partial.rename(folder)
    shutil.rmtree(earlier, ignore_errors=True)
    return folder


def _write(folder: Path, run: Path, network: keras.Model, dataset: data.Dataset) -> None:
    recipe = runs.card(run)["recipe"]
    x, y = dataset.validation.x, dataset.validation.y
    stored = architectures.build(recipe["architecture"], classes=len(dataset.classes))
    stored.set_weights(network.get_weights())
    before = _said(stored, x)
    score = off_topic.score_of(recipe)
    served = _halved(stored, score, _shown(recipe, dataset), folder)
    classes = len(dataset.classes)
    said = _said(served, x)
    calibration = metrics.fit_calibration(said[:, :classes], y)
    described = manifest.Manifest(
        id=f"{run.name}-{datetime.now(UTC):%Y%m%d}",
        architecture=recipe["architecture"],
        classes=list(dataset.classes),
        input_size=data.SIZE,
        preprocessing=PREPROCESSING,
        calibration=calibration,
        thresholds=thresholds(runtime.read(said, classes, calibration), y),
        weights_sha256=manifest.sha256(folder / manifest.WEIGHTS),
        data_sha256=dataset.sha256,
        recipe=recipe,
        libraries=_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics={
            "parameters": stored.count_params(),
            "multiply_adds": sum(row["multiply_adds"] for row in layers.table(served)),
            "validation": metrics.accuracy(said[:, :classes], y),
        },
        off_topic_score=score,
    )
    described.write(folder)
    about = {
        "layers": layers.table(served),
        "history": runs.history(run),
        "models": runs.card(run).get("models", {}),  # that it began with and was taught by
        "data": {
            "name": dataset.name,
            "pictures": dataset.counts(),
            "extra": runs.card(run).get("extra", {}),  # that it was trained on as well
            "reviewed": dataset.reviewed,
            "reviewed_aside": dataset.reviewed_aside,
            "training_shares": dataset.training_shares(),  # of its own, without the extra ones
        },
        "validation_before_halving": metrics.accuracy(before, y),
    }
    manifest.write_json(folder / manifest.CARD, about)
    inputs = golden_inputs(data.SIZE)
    _write_golden(folder, inputs, runtime.read(_said(served, inputs), classes, calibration))


def _halved(network: keras.Model, score: str, x: np.ndarray, folder: Path) -> keras.Model:
    """Write the weights of a network, in half precision, and of its off-topic score, to which
    pictures x are to be familiar; returns what is served of them."""
    path = folder / manifest.WEIGHTS
    weights.save(network, path)
    weights.load(network, folder)
    if score == manifest.ENERGY:
        return network
    weights.save(network, path, off_topic.Familiar.to(network, x).arrays())
    return off_topic.scored(network, off_topic.Familiar.read(folder))


def _shown(recipe: dict[str, Any], dataset: data.Dataset) -> np.ndarray:
    """Some of the set's own training pictures, reviewed ones as often as training shows them."""
    x, reviewed = dataset.train.x, dataset.reviewed.get("train", 0)
    places = batches.epoch_of(recipe, len(x), reviewed, np.random.default_rng(0))
    return x[places[: off_topic.PICTURES]]


def thresholds(answers: runtime.Answers, labels: np.ndarray) -> dict[str, float]:
    """Where the prediction set begins, and above which score a picture is called off-topic."""
    return {
        "off_topic": metrics.score_threshold(answers.off_topic, KEPT),
        "set": metrics.set_threshold(answers.probabilities, labels, COVERAGE),
    }


def golden_inputs(size: int) -> np.ndarray:
    """Pictures to check a loaded model with, made here: noise, gradients, discs, (n, s, s, 3)."""
    rng = np.random.default_rng(20)
    rows, columns = np.mgrid[0:size, 0:size] / (size - 1)
    disc = (rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.1
    pictures = [rng.integers(0, 256, (size, size, 3))]
    pictures += [
        np.stack([rows * a, columns * b, rows * columns * c], -1) * 255 for a, b, c in COLORS
    ]
    pictures += [
        np.where(disc[..., None], color, 255 - color) for color in rng.integers(0, 256, (4, 3))
    ]
    return np.stack(pictures).astype(np.uint8)


COLORS = ((1, 1, 1), (1, 0, 0.5), (0, 1, 0.2))


def _write_golden(folder: Path, inputs: np.ndarray, expected: runtime.Answers) -> None:
    content = {
        "shape": list(inputs.shape),
        "inputs": base64.b64encode(inputs.tobytes()).decode(),
        "probabilities": [[round(float(p), 7) for p in row] for row in expected.probabilities],
        "off_topic": [round(float(score), 5) for score in expected.off_topic],
    }
    (folder / manifest.GOLDEN).write_text(json.dumps(content) + "\n")


def _said(network: keras.Model, x: np.ndarray) -> np.ndarray:
    # Not called as it is, which would keep what each layer says: gigabytes of some networks.
    said: np.ndarray = network.predict(x, batch_size=BATCH, verbose=0)
    return said


def _versions() -> dict[str, str]:
    versions = {"python": sys.version.split()[0]}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ml.export", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="the name of a finished run")
    cli.add_data(parser)
    parser.add_argument("--runs", type=Path, default=runs.RUNS, help="where runs are kept")
    parser.add_argument("--to", type=Path, default=manifest.MODELS, help="where models are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
