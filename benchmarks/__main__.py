"""Kadr against its own network: python -m benchmarks [--quick] [--only NAME ...]

Starts services of its own on free ports with data of their own, checks that every answer is right,
prints a table and writes all figures to a file. It fails on a wrong answer, never on a slow one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import batch, network, pictures, single
from benchmarks.report import Row, WrongError, about, say, table, write
from ml.manifest import MODELS

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    batch: int
    single: int
    photos: int
    history: tuple[int, int]
    workers: int
    soak: int


FULL = Size(10_000, 200, 100, (1000, 1_000_000), 20_000, 100_000)
QUICK = Size(2000, 50, 8, (1000, 20_000), 2000, 4000)


def main() -> int:
    args = _arguments()
    size, rows = QUICK if args.quick else FULL, []
    say(f"{about()['machine']['processor']}, {about()['machine']['cores']} cores")
    try:
        for name in args.only or GROUPS:
            say(f"— {name}")
            for row in GROUPS[name](size):
                say(table([row]).splitlines()[-1])
                rows.append(row)
    except WrongError as error:
        say(f"Wrong: {error}")
        return 1
    finally:
        write(args.out, rows)
    print(table(rows))
    return 0


def serving(size: Size) -> Iterator[Row]:
    """raw, batch, overhead, single, under load: for each model that ships."""
    for folder in sorted(MODELS.iterdir()):
        if (folder / "manifest.json").exists():
            yield from _served(folder, size)


def _served(folder: Path, size: Size) -> Iterator[Row]:
    contents = [pictures.jpeg(number) for number in range(size.batch)]
    files = {f"{number:05}.jpg": content for number, content in enumerate(contents)}
    with started(KADR_MODEL=str(folder)) as service:
        bare = network.measure(folder, contents)
        yield Row(f"raw, {folder.name}", bare.rate, "images/s", note="batches of 256, in memory")
        batch.run(service, dict(list(files.items())[:500]), bare)  # warm
        yield from batch.rows(folder.name, batch.run(service, files, bare), bare)
        alone = single.idle(service, contents[: size.single], bare)
        loaded, _took = single.under_load(service, files, contents, bare)
        yield from single.rows(folder.name, alone, loaded, bare, micro_batch())
