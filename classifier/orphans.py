"""Files that no row names, and rows whose files are gone: what crashes and restored backups leave.

One folder of the storage is listed at a time, which is a 256th of the pictures, through Django's
storage API alone. What Kadr has not named itself is left where it is.
"""

import logging
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath

from django.core.files.storage import Storage, default_storage
from django.utils import timezone

from classifier.models import Export, Image

logger = logging.getLogger(__name__)

GRACE = timedelta(days=1)  # a file is written before its row, with others of a batch, is committed
FEW = 100  # files that may go without a question
PAGE = 500
PICTURES = re.compile(r"[0-9a-f]{2}")
OURS = re.compile(
    r"(?P<id>[0-9a-f]{32})(?:\.preview)?\.(?:jpg|pack|csv|jsonl|zip)(?:(?:\.[0-9a-f]{8})?\.partial)?"
)


def files_without_row(storage: Storage = default_storage) -> Iterator[str]:
    """Names of files older than a day that belong to nothing."""
    for folder, names in _pages(storage):
        for name in sorted(set(names) - _named_by_rows(folder, names)):
            if _is_old(storage, name):
                yield name


def tidy(storage: Storage = default_storage) -> int:
    """Delete them, unless that is most of what there is: then the database is rather not the one
    of these files, or not restored yet. Returns how many."""
    going = sum(1 for _ in files_without_row(storage))
    if going > FEW:
        total = sum(len(names) for _folder, names in _pages(storage))
        if going > total / 2:
            logger.error(
                "%d of %d files belong to no row, so none is removed. Is this their database? "
                "If it is, manage.py purge --orphans removes them",
                going,
                total,
            )
            return 0
    return remove(storage) if going else 0


def remove(storage: Storage = default_storage) -> int:
    """Delete them; returns how many."""
    removed = 0
    for name in files_without_row(storage):
        try:
            storage.delete(name)
            removed += 1
        except OSError:
            logger.exception("The file %s cannot be deleted", name)
    return removed


def rows_without_file(storage: Storage = default_storage) -> Iterator[Image]:
    """Images of which the original or the preview is gone."""
    rows, last = Image.objects.present().order_by("pk"), None
    while page := list((rows.filter(pk__gt=last) if last else rows)[:PAGE]):
        for image in page:
            names = {image.original.name, image.preview.name}
            if not all(name and storage.exists(name) for name in names):
                yield image
        last = page[-1].pk


def _pages(storage: Storage) -> Iterator[tuple[str, list[str]]]:
    """All files that Kadr has named, some hundred of a folder at a time."""
    for folder in [*_folders(storage), "exports"]:
        listed = _listed(storage, folder)
        for first in range(0, len(listed), PAGE):
            yield folder, listed[first : first + PAGE]


def _folders(storage: Storage) -> list[str]:
    try:
        return sorted(name for name in storage.listdir("")[0] if PICTURES.fullmatch(name))
    except FileNotFoundError:  # nothing was ever stored
        return []


def _listed(storage: Storage, folder: str) -> list[str]:
    try:
        files = storage.listdir(folder)[1]
    except FileNotFoundError:
        return []
    return [f"{folder}/{name}" for name in files if OURS.fullmatch(name)]


def _named_by_rows(folder: str, names: list[str]) -> set[str]:
    if folder == "exports":
        return set(Export.objects.filter(file__in=names).values_list("file", flat=True))
    packed = {name for name in names if name.endswith(".pack")}
    ids = {match["id"] for name in names if (match := OURS.fullmatch(name.split("/")[1]))}
    rows = Image.objects.filter(pk__in=ids).values_list("original", "preview")
    return {name for row in rows for name in row} | {name for name in packed if _has_parts(name)}


def _has_parts(pack: str) -> bool:
    """Whether a row names a part of it. The pack was numbered by time, just after its pictures, so
    these are found at once; only a pack without any is looked for among all rows."""
    parts = Image.objects.filter(original__startswith=f"{pack}#").order_by("-pk")
    named = uuid.UUID(PurePath(pack).stem)
    return any(rows.values("pk")[:1] for rows in (parts.filter(pk__lte=named), parts))


def _is_old(storage: Storage, name: str) -> bool:
    try:
        return storage.get_modified_time(name) < timezone.now() - GRACE
    except FileNotFoundError:  # somebody was faster
        return False
