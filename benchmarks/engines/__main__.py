"""ONNX Runtime, OpenVINO and LiteRT against TensorFlow as Kadr runs it, on every network that
ships: one picture a call, 128 a call, and the most memory that a process held.

Each engine has a process of its own and all take turns, a few rounds. One whose answers are not
TensorFlow's within ml.runtime.TOLERANCE is told of, and not timed.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import venvs
from benchmarks.engines.networks import BATCHES
from benchmarks.engines.runners import ENGINES
from benchmarks.memory import MEGABYTE
from benchmarks.report import Row, WrongError, say, table, write
from benchmarks.service import ROOT, own_environment
from ml import manifest
from ml.runtime import TOLERANCE

HERE = Path(__file__).parent
VENV, REQUIREMENTS = HERE / ".venv", HERE / "requirements.txt"
Timed = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument(
        "networks", nargs="*", default=[folder.name for folder in manifest.shipped()]
    )
    parser.add_argument("--seconds", type=float, default=3, help="for each engine, batch and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    venvs.python(VENV, REQUIREMENTS)
    try:
        rows = [
            row for name in asked.networks for row in measure(name, asked.rounds, asked.seconds)
        ]
    except WrongError as error:
        say(f"\n{error}")
        return 1
    print(table(rows))
    if asked.json:
        write(asked.json, rows)
    return 0


def measure(network: str, rounds: int, seconds: float) -> list[Row]:
    """Raises CalledProcessError where the network cannot be written for an engine."""
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as name:
        folder = Path(name)
        say(f"Writing {network} for the engines that Kadr does not serve with…")
        command = [str(VENV / "bin/python"), "-m", "benchmarks.engines.networks", network, name]
        subprocess.run(command, cwd=ROOT, env=own_environment(folder), check=True)
        with contextlib.ExitStack() as up:
            engines = {
                engine: up.enter_context(Engine(engine, network, folder)) for engine in ENGINES
            }
            apart = {engine: it.apart(engines["TensorFlow"]) for engine, it in engines.items()}
            found = in_turns(engines, rounds, seconds)
            return [
                row
                for name, engine in engines.items()
                for row in (
                    *rows(network, name, found, apart[name]),
                    engine.loading(f"{network}, {name}, loading"),
                )
            ]


class Engine:
    """A process that has loaded the network. Raises WrongError where it ends early."""

    def __init__(self, name: str, network: str, folder: Path) -> None:
        self.name = name
        command = [
            str(VENV / "bin/python"),
            "-m",
            "benchmarks.engines.child",
            name,
            network,
            str(folder),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=own_environment(folder) | {"TF_CPP_MIN_LOG_LEVEL": "2"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answers = self._heard()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def timed(self, batch: int, seconds: float) -> Timed:
        assert self.process.stdin
        self.process.stdin.write(f"{batch} {seconds}\n")
        self.process.stdin.flush()
        return self._heard()

    def apart(self, other: "Engine") -> float:
        """The largest difference of one probability, in a batch and alone. Raises WrongError where
        that is more than TOLERANCE."""
        pairs = [(self.answers[key], other.answers[key]) for key in ("probabilities", "alone")]
        most = max(float(np.abs(np.subtract(a, b)).max()) for a, b in pairs)
        if not most <= TOLERANCE:  # no number is no answer either
            raise WrongError(f"{self.name} is {most:.4f} from {other.name}")
        return most

    def loading(self, name: str) -> Row:
        """How long it took until the network was ready, and the memory of what helped."""
        beside = self.answers["beside"] / MEGABYTE
        note = f"a process beside it took {beside:.0f} MB" if beside else ""
        return Row(name, self.answers["loaded"], "s", note=note)

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout
        while line := self.process.stdout.readline():
            with contextlib.suppress(ValueError):  # some engines greet on standard output
                found: dict[str, Any] = json.loads(line)
                return found
        raise WrongError(f"{self.name} ended with {self.process.wait()}")


def in_turns(
    engines: dict[str, Engine], rounds: int, seconds: float
) -> dict[str, dict[int, list[Timed]]]:
    found: dict[str, dict[int, list[Timed]]] = {e: {b: [] for b in BATCHES} for e in engines}
    for turn in range(rounds + 1):
        for name, engine in engines.items():
            for batch in BATCHES:
                timed = engine.timed(batch, seconds if turn else 0.5)
                if turn:  # the first round is for what is made at a first call
                    found[name][batch].append(timed)
    return found


def rows(
    network: str, engine: str, found: dict[str, dict[int, list[Timed]]], apart: float
) -> Iterator[Row]:
    for batch in BATCHES:
        mine, base = found[engine][batch], found["TensorFlow"][batch]
        call = statistics.median(one["call"] for one in mine)
        core = statistics.median(one["core"] for one in mine) * 1000
        times = statistics.median(b["call"] / m["call"] for b, m in zip(base, mine, strict=True))
        figure, unit = (call * 1000, "ms") if batch == 1 else (batch / call, "images/s")
        note = f"{times:.2f} times TensorFlow, {core:.2f} core-ms an image"
        yield Row(f"{network}, {engine}, {batch} a call", figure, unit, note=note)
    peak = max(one["peak"] for batch in BATCHES for one in found[engine][batch])
    note = f"at most {apart:.0e} from TensorFlow in probability" if apart else ""
    yield Row(f"{network}, {engine}, most memory", peak / MEGABYTE, "MB", note=note)


if __name__ == "__main__":
    sys.exit(main())
