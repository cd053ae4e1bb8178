"""Several models answer the same pictures: python -m ml.replay MODEL [MODEL ...], for a parent that
speaks over pipes.

Standard output begins with a line {"models": [{"digest", "speed"}]} or {"error"}. After that each
page on standard input, a line {"sizes": [...]} and then JPEGs of so many bytes, is answered by a
line {"answers": [...]}: for each JPEG a list with one {"label", "confidence", "off_topic"} a model,
or null where it cannot be read. It ends with its input. All of it is given way to by whatever else
wants the processor.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ml import cli, preprocess
from ml.runtime import ModelError, Runtime, golden

NICENESS = 10
ROUNDS = 15  # of which the speed is taken
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ml.replay", description=__doc__.split(":")[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="a model folder")
    args = parser.parse_args()
    cli.quiet_tensorflow()
    os.nice(NICENESS)
    out = _own_output()
    try:
        models = [_load(folder) for folder in args.models]
    except ModelError as error:
        _tell(out, {"error": str(error)})
        sys.exit(1)
    _tell(out, {"models": [_about(model) for model in models]})
    while line := sys.stdin.buffer.readline():
        jpegs = _read(sys.stdin.buffer, json.loads(line)["sizes"])
        _tell(out, {"answers": answer(jpegs, models)})


def _own_output() -> BinaryIO:
    """Standard output for ourselves alone: what libraries print goes to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb")


def _load(folder: Path) -> Runtime:
    runtime = Runtime.load(folder)
    runtime.warm_up()
    return runtime


def _about(model: Runtime) -> dict[str, Any]:
    return {"digest": model.digest, "speed": speed(model)}


def speed(model: Runtime) -> dict[str, float]:
    """Milliseconds for one picture, at the median and at the 95th percentile, and how many it does
    in a second at 128 at a time."""
    inputs, _expected = golden(model.folder)
    single = sorted(_milliseconds(model, inputs[:1]) for _ in range(ROUNDS))
    many = np.resize(inputs, (BATCH, *inputs.shape[1:]))
    batch = sorted(_milliseconds(model, many) for _ in range(3))[1]
    return {
        "p50_ms": round(single[len(single) // 2], 3),
        "p95_ms": round(single[int(len(single) * 0.95)], 3),
        "per_second": round(BATCH / batch * 1000, 1),
    }


def _milliseconds(model: Runtime, x: np.ndarray) -> float:
    start = time.perf_counter()
    model.predict(x)
    return (time.perf_counter() - start) * 1000


def answer(jpegs: list[bytes], models: list[Runtime]) -> list[list[dict[str, Any]] | None]:
    """For each picture what each model says, or None where it cannot be read."""
    answers: list[list[dict[str, Any]] | None] = [None] * len(jpegs)
    least = models[0].manifest.input_size
    readable = [i for i, jpeg in enumerate(jpegs) if _input(jpeg, least) is not None]
    for i in readable:
        answers[i] = []
    for model in models:
        size = model.manifest.input_size
        inputs = [_input(jpegs[i], size) for i in readable]
        for i, said in zip(readable, _said(model, inputs), strict=True):
            answers[i].append(said)  # type: ignore[union-attr]
    return answers


def _input(jpeg: bytes, size: int) -> np.ndarray | None:
    try:
        return preprocess.from_jpeg(jpeg, size)
    except preprocess.UnreadableImage:
        return None


def _said(model: Runtime, inputs: list[np.ndarray | None]) -> list[dict[str, Any]]:
    if not inputs:
        return []
    told = model.predict(np.stack([x for x in inputs if x is not None]))
    limit = model.manifest.thresholds["off_topic"]
    return [
        {
            "label": model.classes[int(p.argmax())]["id"],
            "confidence": round(float(p.max()), 6),
            "off_topic": bool(score > limit),
        }
        for p, score in zip(told.probabilities, told.off_topic, strict=True)
    ]


def _read(stream: BinaryIO, sizes: list[int]) -> list[bytes]:
    return [stream.read(size) for size in sizes]


def _tell(out: BinaryIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
