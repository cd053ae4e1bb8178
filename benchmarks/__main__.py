"""Kadr against its own network: python -m benchmarks [--quick] [--engine NAME] [--only NAME ...]

Starts services of its own on free ports with data of their own, checks that every answer is right,
prints a table and writes all figures to a file. It fails on a wrong answer, never on a slow one.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import (
    batch,
    camera,
    history,
    network,
    photos,
    pictures,
    single,
    soak,
    steps,
    workers,
)
from benchmarks.report import Row, WrongError, about, say, table, write
from benchmarks.service import running
from ml.manifest import DEFAULT, DEFAULT_ENGINE, ENGINES, MODELS

HERE = Path(__file__).parent
MICRO_BATCH = 128  # the default of KADR_MICRO_BATCH


@dataclass(frozen=True)
class Size:
    """How much is measured, and with what."""

    batch: int
    single: int
    photos: int
    many: int  # predictions in the long history
    workers: int
    soak: int
    engine: str = DEFAULT_ENGINE  # by which the workers compute


FULL = Size(10_000, 200, 100, 1_000_000, 20_000, 100_000)
QUICK = Size(2000, 50, 8, 20_000, 2000, 4000)


def serving(size: Size) -> Iterator[Row]:
    """Raw, batch, overhead, single, under load: for the model that serves and for the seed's."""
    for folder in (DEFAULT, MODELS / "cifar10_improved"):
        yield from _served(folder, size)


def _served(folder: Path, size: Size) -> Iterator[Row]:
    contents = [pictures.jpeg(number) for number in range(size.batch)]
    files = {f"{number:05}.jpg": content for number, content in enumerate(contents)}
    settings = {"KADR_MODEL": str(folder), "KADR_MICRO_BATCH": str(MICRO_BATCH)}
    with running(**settings, KADR_ENGINE=size.engine) as service:
        before = network.measure(folder, contents, engine=size.engine)
        batch.run(service, dict(list(files.items())[:500]), before)  # warm
        taken = batch.run(service, files, before)
        after = network.measure(folder, contents, engine=size.engine)
        bare = before.averaged(after)  # a shared machine is seldom as fast twice
        note = (
            f"256 at once, in memory; {before.rate:,.0f} before the batch, {after.rate:,.0f} after"
        )
        yield Row(f"raw, {folder.name}", bare.rate, "images/s", note=note)
        yield from batch.rows(folder.name, taken, bare)
        alone = single.idle(service, contents[: size.single], bare)
        anew = single.reconnecting(service, contents[: size.single], bare)
        loaded, _took = single.under_load(service, files, contents, bare)
        yield from single.rows(folder.name, alone, anew, loaded, bare, MICRO_BATCH)


def large(size: Size) -> Iterator[Row]:
    distinct = [camera.photo(number) for number in range(min(5, size.photos))]
    with running(KADR_ENGINE=size.engine) as service:
        yield from photos.measure(service, distinct, size.photos)


def memory(size: Size) -> Iterator[Row]:
    """By the quickest network: what may grow with the pictures is the service, and 100,000 of them
    must not take a quarter of an hour."""
    settings = {"KADR_MODEL": str(MODELS / "cifar10_improved")}
    with running(**settings, KADR_ENGINE=size.engine) as service:
        seen = soak.run(service, size.soak, min(soak.ROUND, size.soak // 2))
    yield from soak.rows(seen, size.soak)


GROUPS: dict[str, Callable[[Size], Iterator[Row]]] = {
    "serving": serving,
    "steps": lambda size: steps.measure(size.batch),
    "photos": large,
    "history": lambda size: history.measure(1000, size.many),
    "workers": lambda size: workers.measure(size.workers),
    "memory": memory,
}


OF_ENGINES = ("serving", "photos", "memory")  # the groups in which a network computes
RESULTS = {DEFAULT_ENGINE: "results.json", "litert": "results-litert.json"}


def main() -> int:
    args = _arguments()
    size = replace(QUICK if args.quick else FULL, engine=args.engine)
    rows: list[Row] = []
    machine = about()["machine"]
    out = args.out or HERE / RESULTS[size.engine]
    say(f"{machine['processor']}, {machine['cores']} cores; the network in {size.engine}")
    try:
        for name in args.only or (GROUPS if size.engine == DEFAULT_ENGINE else OF_ENGINES):
            say(f"{name}…")
            for row in GROUPS[name](size):
                say(table([row]).splitlines()[-1])
                rows.append(row)
    except WrongError as error:
        say(f"Wrong: {error}")
        return 1
    finally:
        write(out, rows, engine=size.engine)
    print(table(rows))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes, with small numbers")
    parser.add_argument(
        "--engine", choices=ENGINES, default=DEFAULT_ENGINE, help="what computes the network"
    )
    parser.add_argument("--only", nargs="+", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--out", type=Path, help="where the figures are written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
