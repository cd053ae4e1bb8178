"""Make a model folder of a finished run: python -m ml.export RECIPE [--data FILE.npz]

Kernels are stored in half precision, which halves the file; everything after that, the temperature,
the golden answers and all that ml.evaluate measures, is made with the stored weights.
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

from ml import architectures, cli, data, manifest, metrics, plots, recipes, runtime
from ml.preprocess import PREPROCESSING
from ml.train import CHECKPOINT, RUNS, read_history

MODELS = Path(__file__).parent / "models"
LARGEST = 25_000_000  # bytes of weights; what the repository takes
LIBRARIES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "pillow")


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        folder = export(args.recipe, data.load(args.data), args.runs / args.recipe, args.to)
    print(f"Wrote {folder}. Now measure it: python -m ml.evaluate {folder} --write")


def export(name: str, cifar: data.Cifar10, run: Path, to: Path) -> Path:
    """Write the folder `to`/`name`, replacing an earlier one. Raises FileNotFoundError."""
    checkpoint = run / CHECKPOINT
    if not checkpoint.exists():
        raise FileNotFoundError(f"there is no finished run in {run}: train the recipe first")
    network = keras.models.load_model(checkpoint, compile=False)
    partial, folder = to / f".{name}.partial", to / name
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write(partial, recipes.read(name), name, network, cifar)
    plots.curves(read_history(run), partial / "curves.png")
    earlier = to / f".{name}.earlier"
    shutil.rmtree(earlier, ignore_errors=True)
    if folder.exists():
        folder.rename(earlier)
    partial.rename(folder)
    shutil.rmtree(earlier, ignore_errors=True)
    return folder


def _write(
    folder: Path, recipe: dict[str, Any], name: str, network: keras.Model, cifar: data.Cifar10
) -> None:
    x, y = cifar.validation.x, cifar.validation.y
    before = _logits(network, x)
    save_weights(network, folder / manifest.WEIGHTS)
    stored = architectures.build(recipe["architecture"], classes=len(data.CLASSES))
    runtime.load_weights(stored, folder)
    logits = _logits(stored, x)
    temperature = metrics.fit_temperature(logits, y)
    description = manifest.Manifest(
        id=f"{name}-{datetime.now(UTC):%Y%m%d}",
        architecture=recipe["architecture"],
        classes=list(data.CLASSES),
        input_size=data.SIZE,
        preprocessing=PREPROCESSING,
        temperature=temperature,
        weights_sha256=manifest.sha256(folder / manifest.WEIGHTS),
        data_sha256=cifar.sha256,
        recipe={"name": name, **recipe},
        libraries=_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        metrics={
            "parameters": network.count_params(),
            "validation": metrics.accuracy(logits, y),
            "validation_before_halving": metrics.accuracy(before, y),
        },
    )
    description.write(folder)
    inputs = golden_inputs(data.SIZE)
    _write_golden(folder, inputs, runtime.softmax(_logits(stored, inputs) / temperature))


def save_weights(network: keras.Model, path: Path) -> None:
    """Kernels as float16, vectors as float32. Raises ValueError if the file gets too large."""
    names = runtime.weight_names(network)
    arrays = [w.astype(np.float16) if w.ndim > 1 else w for w in network.get_weights()]
    np.savez(path, **dict(zip(names, arrays, strict=True)))
    if path.stat().st_size > LARGEST:
        raise ValueError(f"the weights take {path.stat().st_size} bytes, more than {LARGEST}")


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


def _write_golden(folder: Path, inputs: np.ndarray, probabilities: np.ndarray) -> None:
    content = {
        "shape": list(inputs.shape),
        "inputs": base64.b64encode(inputs.tobytes()).decode(),
        "probabilities": [[round(float(p), 7) for p in row] for row in probabilities],
        "tolerance": runtime.TOLERANCE,
    }
    (folder / manifest.GOLDEN).write_text(json.dumps(content) + "\n")


def _logits(network: keras.Model, x: np.ndarray, batch: int = 500) -> np.ndarray:
    parts = [network(x[i : i + batch], training=False) for i in range(0, len(x), batch)]
    return np.concatenate([keras.ops.convert_to_numpy(part) for part in parts])


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
    parser.add_argument("recipe", help="a name from ml/recipes/ that has been trained")
    parser.add_argument("--data", type=Path, help="an .npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--runs", type=Path, default=RUNS, help="where runs are kept")
    parser.add_argument("--to", type=Path, default=MODELS, help="where models are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
