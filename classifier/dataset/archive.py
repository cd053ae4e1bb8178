"""Writes a data set as a ZIP that ImageFolder loaders read once it is unpacked.

    train/cat/HASH.jpg   validation/dog/HASH.jpg   none/HASH.jpg
    labels.csv   labels.jsonl   classes.json   dataset.json

The pictures are the previews: what the network was shown, upright and without metadata. Each is in
the split that its hash says. `none` holds what shows none of the classes, and is no split.
"""

import csv
import io
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from typing import IO, Any

from django.utils import timezone

from classifier import temporary
from classifier.api.results import harmless
from classifier.dataset.selection import Entry, Wanted, entries
from classifier.models import Image, ModelVersion

FORMAT = 1
COLUMNS = [f.name for f in fields(Entry)]


@dataclass
class Written:
    """How many pictures are in it, by split and label; how many had lost their file."""

    pictures: Counter[tuple[str, str]] = field(default_factory=Counter)
    missing: int = 0

    @property
    def n(self) -> int:
        return sum(self.pictures.values())

    def as_dict(self) -> dict[str, Any]:
        splits: dict[str, dict[str, int]] = {}
        for (split, label), n in sorted(self.pictures.items()):
            splits.setdefault(split, {})[label] = n
        return {"pictures": splits, "missing": self.missing}


def write(file: IO[bytes], wanted: Wanted, told: Callable[[int], None]) -> Written:
    """Write all of it; `told` hears after each page how many pictures are in."""
    written, models = Written(), set[str]()
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(file, "w"))
        lines = stack.enter_context(temporary.file())
        table = stack.enter_context(temporary.file())
        table.write(_row(COLUMNS))
        for page in entries(wanted):
            for entry, image in page:
                if _add(archive, entry, image, written):
                    lines.write(f"{json.dumps(entry.as_dict(), ensure_ascii=False)}\n".encode())
                    table.write(_row(_cells(entry)))
                    models.add(entry.model)
            told(written.n)
        _append(archive, "labels.jsonl", lines)
        _append(archive, "labels.csv", table)
        archive.writestr("classes.json", _json(_classes(models)))
        archive.writestr("dataset.json", _json(_about(wanted, written, models)))
    file.seek(0, io.SEEK_END)
    return written


def _add(archive: zipfile.ZipFile, entry: Entry, image: Image, written: Written) -> bool:
    try:
        content = image.read_preview()
    except FileNotFoundError:  # erased at this moment, or lost
        written.missing += 1
        return False
    archive.writestr(entry.file, content)
    written.pictures[entry.split, entry.label] += 1
    return True


def _cells(entry: Entry) -> list[Any]:
    values = {**entry.as_dict(), "reviewers": "; ".join(entry.reviewers)}
    return ["" if v is None else harmless(v) if isinstance(v, str) else v for v in values.values()]


def _row(cells: list[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()


def _append(archive: zipfile.ZipFile, name: str, content: IO[bytes]) -> None:
    content.seek(0)
    with archive.open(name, "w", force_zip64=True) as out:
        shutil.copyfileobj(content, out)


def _classes(models: set[str]) -> list[dict[str, str]]:
    """The classes of the models whose answers were reviewed, the newest model's first."""
    found: dict[str, dict[str, str]] = {}
    for version in ModelVersion.objects.filter(digest__in=models):
        for c in version.classes:
            found.setdefault(c["id"], c)
    return list(found.values())


def _about(wanted: Wanted, written: Written, models: set[str]) -> dict[str, Any]:
    asked = {name: value for name, value in wanted.as_dict().items() if name != "images"}
    return {
        "format": FORMAT,
        "made": timezone.now().isoformat(timespec="seconds"),
        "models": sorted(models),
        **asked,
        **written.as_dict(),
    }


def _json(content: Any) -> bytes:
    return f"{json.dumps(content, indent=1, ensure_ascii=False)}\n".encode()
