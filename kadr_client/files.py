"""Which pictures to send, under which names, in which groups."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from kadr_client.errors import UsageError

SUFFIXES = {".jpg", ".jpeg"}
MOST_FILES = 1_000  # a batch
MOST_BYTES = 200_000_000  # a request
FORM_BYTES = 2_000  # at most, around each file of a request
NAME_LIMIT = 255
# What a form's header or the service's parser might change on the way.
UNSAFE = str.maketrans(dict.fromkeys("\"'\\&%;<>:*?|", "_"))


@dataclass(frozen=True)
class Picture:
    path: Path  # as the person would type it; the output shows it
    name: str  # what the service calls it; unique among all that are sent
    size: int  # bytes; 0 where it could not be asked


class Sized(Protocol):
    @property
    def size(self) -> int: ...


Some = TypeVar("Some", bound=Sized)


def find(given: Iterable[str]) -> list[Picture]:
    """The pictures under `given`, files and folders, each once. Raises UsageError."""
    found: dict[Path, tuple[Path, str]] = {}
    for text in given:
        for real, path, name in _under(Path(text)):
            found.setdefault(real, (path, name))
    names: set[str] = set()
    return [
        Picture(path, _unique(sendable(name), names), _size(path)) for path, name in found.values()
    ]


def split(pictures: Iterable[Some]) -> Iterator[list[Some]]:
    """Groups that fit in one request each, in the same order. More pictures at the end change the
    last group only."""
    group: list[Some] = []
    total = 0
    for picture in pictures:
        size = picture.size + FORM_BYTES
        if group and (len(group) == MOST_FILES or total + size > MOST_BYTES):
            yield group
            group, total = [], 0
        group.append(picture)
        total += size
    if group:
        yield group


def sendable(name: str) -> str:
    """`name` in characters that arrive unchanged, and not too many of them."""
    plain = "".join(c if c.isprintable() else "_" for c in name.translate(UNSAFE))
    plain = "/".join(part.strip() or "_" for part in plain.split("/"))
    if len(plain) <= NAME_LIMIT - 10:  # room for what makes it unique
        return plain
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
    return f"{digest[:16]}-{plain[-200:].lstrip('/')}"


def _under(path: Path) -> Iterator[tuple[Path, Path, str]]:
    """(where it really is, as shown, its name) of each picture that `path` stands for."""
    real = path.resolve()
    if path.is_dir():
        for inner in _jpegs(path):
            yield real / inner, path / inner, (real.name / inner).as_posix()
    elif path.is_file():
        yield real, path, path.name
    elif path.exists():
        raise UsageError(f"neither a file nor a folder: {path}")
    else:
        raise UsageError(f"no such file or folder: {path}")


def _jpegs(folder: Path) -> list[Path]:
    """Relative to `folder`, sorted. Links to folders are not followed: they may go round."""
    found = [
        Path(parent, name).relative_to(folder)
        for parent, _folders, names in os.walk(folder, onerror=_unreadable)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES
    ]
    return sorted(found, key=lambda path: path.parts)


def _unreadable(error: OSError) -> None:
    raise UsageError(f"cannot read the folder {error.filename}: {error.strerror}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a dangling link; told when its turn comes
        return 0


def _unique(name: str, taken: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}~{number}{dot}{suffix}"
    taken.add(candidate)
    return candidate
