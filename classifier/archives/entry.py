"""One file of an archive, and what is wrong with it."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from classifier.problems import Problem

NAME_LENGTH = 255
LONGEST_NAME = 65_535  # characters that are looked at; what a ZIP can hold
JUNK = {".ds_store", "thumbs.db"}
ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",  # an empty ZIP
    b"PK\x07\x08",  # one part of several
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
)
IS_LINK = gettext_lazy("It is a link. Put the picture itself into the archive.")
NOT_ORDINARY = gettext_lazy("It is not an ordinary file.")
TAR, TAR_AT = b"ustar", 257


@dataclass(frozen=True)
class Entry:
    """A file as it lies in the archive. `data` is empty where there is a problem."""

    name: str  # a label to show, never a path to open
    data: bytes
    problem: Problem | None = None


def judged(name: str, data: bytes) -> Entry:
    """The entry of a file whose first MAX_IMAGE_BYTES + 1 bytes are `data`."""
    if data.startswith(ARCHIVES) or data.startswith(TAR, TAR_AT):
        return refused(name, Problem("ARCHIVE_NESTED"))
    if len(data) > settings.MAX_IMAGE_BYTES:
        return refused(name, Problem("IMAGE_TOO_LARGE"))
    return Entry(label(name), data)


def refused(name: str, why: Problem | Promise) -> Entry:
    """An entry without data; `why` may be a sentence."""
    problem = why if isinstance(why, Problem) else Problem("ARCHIVE_ENTRY_REFUSED", why)
    return Entry(label(name), b"", problem)


def label(name: str) -> str:
    """A name that is safe to show: no control or direction characters. A long one keeps its end,
    where the file's own name is."""
    path = name[-LONGEST_NAME:].replace("\\", "/")
    return "".join(c for c in path if c.isprintable())[-NAME_LENGTH:]


def is_junk(name: str) -> bool:
    """Whether an operating system put the file there by itself."""
    *folders, base = name.replace("\\", "/").removeprefix("./").split("/")
    return folders[:1] == ["__MACOSX"] or base.startswith("._") or base.lower() in JUNK
