"""Several models answer the same pictures: python -m ml.replay MODEL [MODEL ...], for a parent that
speaks over pipes.

Standard output begins with a line {"models": [{"digest", "speed"}]} or {"error"}. After that each
page on standard input, a line {"sizes": [...]} and then JPEGs of so many bytes, is answered by a
line {"answers": [...]}: for each JPEG a list with one {"label", "confidence", "off_topic"} a model,
or null where it cannot be read. It ends with its input. Once the models are loaded, whatever else
wants the processor goes first.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ml import cli, preprocess
from ml.manifest import EngineError, ModelError
from ml.runtime import Runtime, golden

NICENESS = 10
ROUNDS, BATCH_ROUNDS = 31, 5  # of which the speed is taken
BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ml.replay", description=__doc__.split(":")[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL", help="a model folder")
    cli.add_engine(parser)
    args = parser.parse_args()
    cli.quiet_tensorflow()
    out = _own_output()
    try:
        models = [_load(folder, args.engine) for folder in args.models]
    except (ModelError, EngineError) as error:
        _tell(out, {"error": str(error)})
        sys.exit(1)
    _give_way()
    about = zip(models, speeds(models), strict=True)
    _tell(out, {"models": [{"digest": m.digest, "speed": speed} for m, speed in about]})
    while line := sys.stdin.buffer.readline():
        jpegs = _read(sys.stdin.buffer, json.loads(line)["sizes"])
        _tell(out, {"answers": answer(jpegs, models)})


def _own_output() -> BinaryIO:
    """Standard output for ourselves alone: what libraries print goes to standard error."""
    own = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(own, "wb")


def _give_way() -> None:
    """Let whatever else wants the processor go first. On Linux each thread has a niceness of its
    own, and those of the networks are there by now."""
    threads = Path("/proc/self/task")
    for thread in [int(one.name) for one in threads.iterdir()] if threads.is_dir() else [0]:
        with contextlib.suppress(ProcessLookupError):
            # Nobody but root may take back what a thread has given way already.
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(now, NICENESS))


def _load(folder: Path, engine: str) -> Runtime:
    runtime = Runtime.load(folder, engine)
    runtime.warm_up()
    return runtime


def speeds(models: list[Runtime]) -> list[dict[str, float]]:
    """Of each, milliseconds for one picture, at the median and at the 95th percentile, and how many
    it does in a second at 128 at a time. They take turns, so that whatever else the machine does
    meanwhile slows them alike."""
    inputs = [golden(model.folder)[0] for model in models]
    many = [np.resize(x, (BATCH, *x.shape[1:])) for x in inputs]
    single = _rounds(models, [x[:1] for x in inputs], ROUNDS)
    batch = _rounds(models, many, BATCH_ROUNDS)
    return [
        {
            "p50_ms": round(one[len(one) // 2], 3),
            "p95_ms": round(one[int(len(one) * 0.95)], 3),
            "per_second": round(BATCH / all_[len(all_) // 2] * 1000, 1),
        }
        for one, all_ in zip(single, batch, strict=True)
    ]


def _rounds(models: list[Runtime], inputs: list[np.ndarray], rounds: int) -> list[list[float]]:
    """For each model the milliseconds of its rounds, the shortest first."""
    taken: list[list[float]] = [[] for _ in models]
    for _ in range(rounds):
        for model, x, own in zip(models, inputs, taken, strict=True):
            own.append(_milliseconds(model, x))
    return [sorted(own) for own in taken]


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
