"""Measure a model through the path that serves it: python -m ml.evaluate MODEL_FOLDER

Twice: on the pictures as they are, and on the same pictures saved as JPEG at quality 75 with halved
chroma, which is how photos reach the service. --write keeps the figures in the manifest.
"""

import argparse
import dataclasses
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track

from ml import cli, data, metrics, plots, preprocess
from ml.runtime import Runtime

BATCH = 128
QUALITY = 75


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        runtime = Runtime.load(args.model)
        runtime.warm_up()
        split = getattr(data.load(args.data), args.split)
        figures = evaluate(runtime, split, args.split, args.model if args.write else None)
    print(json.dumps(figures, indent=1) if args.json else _table(runtime, figures))


def evaluate(
    runtime: Runtime, split: data.Labelled, name: str, write_to: Path | None
) -> dict[str, Any]:
    """The figures of one split; kept in the folder `write_to`, with pictures, if one is given."""
    size = runtime.manifest.input_size

    def as_it_is(pixels: np.ndarray) -> np.ndarray:
        return preprocess.from_image(Image.fromarray(pixels), size)

    def as_jpeg(pixels: np.ndarray) -> np.ndarray:
        return preprocess.from_jpeg(data.as_jpeg(pixels, QUALITY), size)

    plain = _probabilities(runtime, split.x, as_it_is, "As they are")
    jpeg = _probabilities(runtime, split.x, as_jpeg, f"JPEG at quality {QUALITY}")
    counts = metrics.confusion(plain, split.y)
    per_class = counts.diagonal() / counts.sum(axis=1)
    figures = {
        **metrics.accuracy(plain, split.y),
        "ece": round(metrics.expected_calibration_error(plain, split.y), 4),
        f"jpeg_{QUALITY}": metrics.accuracy(jpeg, split.y),
        "per_class": {
            c["id"]: round(float(share), 4)
            for c, share in zip(runtime.classes, per_class, strict=True)
        },
        "confusion": counts.tolist(),
    }
    if write_to:
        _keep(runtime, {name: figures}, write_to)
        plots.confusion(counts, [c["en"] for c in runtime.classes], write_to / "confusion.png")
        plots.reliability(plain, split.y, write_to / "reliability.png")
    return figures


def _probabilities(
    runtime: Runtime, x: np.ndarray, prepare: Callable[[np.ndarray], np.ndarray], title: str
) -> np.ndarray:
    starts: Iterable[int] = track(range(0, len(x), BATCH), description=f"{title:<20}")
    parts = [
        runtime.predict(np.stack([prepare(pixels) for pixels in x[start : start + BATCH]]))
        for start in starts
    ]
    return np.concatenate(parts)


def _keep(runtime: Runtime, figures: dict[str, Any], folder: Path) -> None:
    described = runtime.manifest
    dataclasses.replace(described, metrics={**described.metrics, **figures}).write(folder)


def _table(runtime: Runtime, figures: dict[str, Any]) -> str:
    jpeg = figures[f"jpeg_{QUALITY}"]
    out = io.StringIO()

    def line(name: str, value: dict[str, Any]) -> None:
        low, high = value["interval_95"]
        print(f"{name:<28}{value['accuracy']:.2%}  ({low:.2%} to {high:.2%})", file=out)

    print(f"{runtime.id} ({runtime.digest[:12]}) on {figures['n']} pictures", file=out)
    line("accuracy", figures)
    line(f"as JPEG at quality {QUALITY}", jpeg)
    print(f"{'calibration error (ECE)':<28}{figures['ece']:.2%}", file=out)
    for name, share in figures["per_class"].items():
        print(f"  {name:<26}{share:.1%}", file=out)
    return out.getvalue().rstrip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ml.evaluate", description=__doc__.split("\n")[0]
    )
    parser.add_argument("model", type=Path, help="a model folder, such as ml/models/NAME")
    parser.add_argument("--data", type=Path, help="an .npz with x_train, y_train, x_test, y_test")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--write", action="store_true", help="keep figures and pictures in MODEL")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
