"""Small files that lie in one: a batch's pictures cost one write to the disk, not hundreds.

A part is named FILE#OFFSET+LENGTH wherever a file may be named, so that only the storage knows of
packs. A part that is deleted is overwritten with zeros at once; the file goes with its last part.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

NAME = re.compile(r"(?P<file>.+\.pack)#(?P<offset>\d+)\+(?P<length>\d+)")


class Part(NamedTuple):
    file: str
    offset: int  # bytes
    length: int


def part(name: str) -> Part | None:
    """What a name says of a part; None where it names a whole file."""
    match = NAME.fullmatch(name)
    return match and Part(match["file"], int(match["offset"]), int(match["length"]))


def file_of(name: str) -> str:
    """The file in which `name` lies: itself, or its pack."""
    found = part(name)
    return found.file if found else name


def names(file: str, contents: Iterable[bytes]) -> Iterator[str]:
    """The names of the contents, which lie in `file` one after another."""
    offset = 0
    for content in contents:
        yield f"{file}#{offset}+{len(content)}"
        offset += len(content)


def read(path: Path, wanted: Part) -> bytes:
    """Raises FileNotFoundError where the pack or the part is gone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # a file object would cost more
    try:
        content = os.pread(descriptor, wanted.length, wanted.offset)
    finally:
        os.close(descriptor)
    if len(content) < wanted.length or not any(content):
        raise FileNotFoundError(f"{path} no longer holds {wanted}")
    return content


def wipe(path: Path, wanted: Part) -> None:
    """Overwrite a part with zeros, and delete the file if nothing else is left in it. Of two that
    do so at once the later one sees what both have overwritten."""
    try:
        with path.open("r+b", buffering=0) as file:
            file.seek(wanted.offset)
            file.write(bytes(wanted.length))
        empty = not any(path.read_bytes())
    except FileNotFoundError:
        return
    if empty:
        path.unlink(missing_ok=True)
