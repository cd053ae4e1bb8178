"""The memory of each part of the service: idle, at its peak, and as more and more pictures pass."""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import api, pictures, processes
from benchmarks.memory import MEGABYTE, forget_peak, peak, resident
from benchmarks.report import Row, say, table
from benchmarks.service import Service, running

PARTS = ("web", "worker", "valkey")
ROUND = 10_000  # pictures


@dataclass(frozen=True)
class Seen:
    """Of one part's processes together, in bytes; the rounds after the first."""

    idle: int
    peak: int
    rounds: list[int]

    @property
    def growth(self) -> int:
        """From the second round to the last: the first one fills what is filled once."""
        return self.rounds[-1] - self.rounds[min(1, len(self.rounds) - 1)]


def run(service: Service, count: int, in_a_round: int = ROUND) -> dict[str, Seen]:
    """Let `count` pictures pass: one round is uploaded, the others name the same pictures again."""
    of = {name: processes.pids(service)[name] for name in PARTS}
    for pid in itertools.chain(*of.values()):
        forget_peak(pid)
    idle = {name: sum(map(resident, pids)) for name, pids in of.items()}
    rounds: dict[str, list[int]] = {name: [] for name in of}
    files = {f"{n:05}.jpg": pictures.jpeg(n) for n in range(min(count, in_a_round))}
    first = api.send(service, *api.as_zip(files))
    api.wait(service, first)
    images = list(api.images(service, first))
    for done in range(0, count, len(images)):
        if done:
            api.wait(service, api.send(service, *api.as_lines(images)))
        for name, pids in of.items():
            rounds[name].append(sum(map(resident, pids)))
        say(f"{done + len(images):,} pictures")
    peaks = {name: sum(map(peak, pids)) for name, pids in of.items()}
    return {name: Seen(idle[name], peaks[name], rounds[name]) for name in of}


def rows(seen: dict[str, Seen], count: int) -> Iterator[Row]:
    for name, found in seen.items():
        yield Row(
            f"memory, {name}: peak",
            found.peak / MEGABYTE,
            "MB",
            note=f"idle {found.idle / MEGABYTE:.0f} MB; {found.growth / MEGABYTE:+.1f} MB from the "
            f"second {ROUND:,} pictures to the end of {count:,}",
            details={"rounds_mb": [round(size / MEGABYTE, 1) for size in found.rounds]},
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    count = parser.parse_args().pictures
    with running() as service:
        print(table(list(rows(run(service, count), count))))


if __name__ == "__main__":
    main()
