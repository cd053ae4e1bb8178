"""Kadr, LitServe, BentoML and FastAPI with `model.predict` in the request, asked by the same
clients in one run: one client's p50 and p95, right answers a second at 16 and 64 connections.

Each is started, asked and ended in turn, a few rounds, so that whatever else the machine does meets
all of them and none costs another anything. Kadr alone stores the picture and its answer before it
answers.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from benchmarks import network, pictures, venvs
from benchmarks.network import Bare
from benchmarks.peers.classifier import FOLDER
from benchmarks.peers.clients import Outcome, Target, ask
from benchmarks.peers.systems import PEERS, running, running_kadr
from benchmarks.report import Row, WrongError, about, say, table, write
from benchmarks.single import quantile

HERE = Path(__file__).parent
VENV, REQUIREMENTS = HERE / ".venv", HERE / "requirements.txt"
CONNECTIONS = (1, 16, 64)
Starting = Callable[[], AbstractContextManager[Target]]
Outcomes = dict[str, dict[int, list[Outcome]]]  # by system and connections, one a round


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="for each system and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    asked = parser.parse_args()
    venvs.python(VENV, REQUIREMENTS)
    try:
        rows = measure([*PEERS], asked.pictures, asked.rounds, asked.seconds)
    except WrongError as error:
        say(f"\n{error}")
        return 1
    print(table(rows))
    print(f"\n{about()}")
    if asked.json:
        write(asked.json, rows)
    return 0


def measure(peers: list[str], count: int, rounds: int, seconds: float) -> list[Row]:
    sent = [pictures.jpeg(n) for n in range(count)]
    bare = network.measure(FOLDER, sent)
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        starting = systems(peers, Path(folder))
        return rows(asked_in_turns(starting, sent, bare, rounds, seconds))


def systems(peers: list[str], folder: Path) -> dict[str, Starting]:
    """What starts each of them, by its name."""
    of_peers = {name: partial(running, name, VENV, folder) for name in peers}
    return {"Kadr": partial(running_kadr, folder), **of_peers}


def asked_in_turns(
    starting: dict[str, Starting], sent: list[bytes], bare: Bare, rounds: int, seconds: float
) -> Outcomes:
    """Each by itself: one that waits to be asked would cost another some of its processor time."""
    found: Outcomes = {name: {n: [] for n in CONNECTIONS} for name in starting}
    for turn in range(rounds):
        for name in list(starting)[:: 1 if turn % 2 == 0 else -1]:
            with starting[name]() as target:
                # Once for nothing: what is made at a first request.
                ask(target, sent, bare, CONNECTIONS[-1], min(2, seconds))
                for connections in CONNECTIONS:
                    outcome = ask(target, sent, bare, connections, seconds)
                    found[name][connections].append(outcome)
                    say(f"round {turn + 1}, {name}, {connections}: {outcome.rate:.1f}/s")
    return found


def rows(found: Outcomes) -> list[Row]:
    return [row for name, by in found.items() for row in (_latency(name, by[1]), *_rates(name, by))]


def _latency(name: str, outcomes: list[Outcome]) -> Row:
    answered = [outcome.times for outcome in outcomes if outcome.times]
    if not answered:
        raise WrongError(f"{name} gave no right answer{_lost(outcomes)}")
    p50, p95 = (statistics.median(quantile(times, q) for times in answered) for q in (0.5, 0.95))
    return Row(f"{name}: one client, p50", p50, "ms", note=f"p95 {p95:.0f} ms{_lost(outcomes)}")


def _rates(name: str, by: dict[int, list[Outcome]]) -> Iterator[Row]:
    for connections in CONNECTIONS[1:]:
        outcomes = by[connections]
        rates = [outcome.rate for outcome in outcomes]
        yield Row(
            f"{name}: {connections} connections",
            statistics.median(rates),
            "images/s",
            note=f"{min(rates):.0f} to {max(rates):.0f}, {_core(outcomes):.1f} core-ms an image"
            f"{_lost(outcomes)}",
        )


def _core(outcomes: list[Outcome]) -> float:
    """Milliseconds of the system's own processor time for each right answer."""
    right = sum(len(outcome.times) for outcome in outcomes)
    return sum(outcome.spent for outcome in outcomes) / max(1, right) * 1000


def _lost(outcomes: list[Outcome]) -> str:
    right = sum(len(outcome.times) for outcome in outcomes)
    counts = {
        kind: sum(getattr(outcome, kind) for outcome in outcomes)
        for kind in ("refused", "wrong", "broken")
    }
    told = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    return f"; {right:,} right, {', '.join(told)}" if told else f"; all {right:,} right"


if __name__ == "__main__":
    sys.exit(main())
