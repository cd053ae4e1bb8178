"""Writes an export's file, a page of rows at a time: CSV, JSON lines, a ZIP of the pictures with
their results beside them, or a data set (classifier/dataset/)."""

import io
import logging
import math
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO

from django.core.files.base import File
from django.core.files.storage import default_storage

from classifier import outages, temporary
from classifier.api.filters import PredictionFilter
from classifier.api.results import as_csv, as_json_lines
from classifier.dataset import archive as dataset
from classifier.dataset.selection import Wanted
from classifier.models import Export, Owner, Prediction
from classifier.models.export import LEASE, ExportFormat
from classifier.models.prediction_queue import PredictionQuerySet
from classifier.problems import Problem

logger = logging.getLogger(__name__)

PAGE = 500
RENEWED_EVERY = LEASE.total_seconds() / 6


class Superseded(Exception):  # noqa: N818  # no error: another process has it, or it was deleted
    """This export is no longer ours to write."""


def write_waiting() -> int:
    """Write whatever waits; returns how many files that was."""
    written = 0
    while outages.has_room() and (export := Export.objects.claim()):
        try:
            write(export)
            written += 1
        except Superseded:
            logger.info("Export %s was taken away", export.pk)
        except Problem as problem:
            if problem.code != "STORAGE_FULL":
                raise
            logger.warning("The export %s waits until there is room for it", export.pk)
            export.give_back()
            break
    return written


def write(export: Export) -> None:
    writer = Writer(export)
    with temporary.file() as file:
        if export.dataset is not None:
            writer.dataset(file, Wanted.of(export.dataset))
        elif export.format == ExportFormat.ZIP:
            writer.archive(file)
        else:
            writer.text(file)
        size = file.tell()
        file.seek(0)
        outages.check_room(size)
        held = Held(file, writer.hold_on)
        # By the claim, so that two writers of one export never take each other's file for theirs.
        assert export.fence, "it is claimed"
        name = default_storage.save(f"exports/{export.fence.hex}.{export.format}", held)
    if not export.ready(name, size, writer.rows):
        default_storage.delete(name)
        raise Superseded


def selected(export: Export) -> PredictionQuerySet:
    owner = Owner(user=export.owner, visitor=export.visitor)
    rows: PredictionQuerySet = PredictionFilter(
        export.filter, Prediction.objects.owned_by(owner).kept()
    ).qs
    return rows.select_related("model", "image").order_by("pk")


class Held(File):  # type: ignore[type-arg]
    """A file that is copied into the storage while the export is held."""

    def __init__(self, file: IO[bytes], hold_on: Callable[[], None]) -> None:
        super().__init__(file)
        self._content, self._hold_on = file, hold_on

    def read(self, *size: int) -> bytes:
        self._hold_on()
        return self._content.read(*size)


class Writer:
    def __init__(self, export: Export) -> None:
        self.export = export
        self.rows = 0
        self._renewed = -math.inf

    def text(self, file: IO[bytes]) -> None:
        lines = as_csv if self.export.format == ExportFormat.CSV else as_json_lines
        for line in lines(self._all()):
            file.write(line.encode())

    def archive(self, file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive, temporary.file() as table:
            for line in as_csv(self._with_pictures(archive)):
                table.write(line.encode())
            table.seek(0)
            with archive.open("results.csv", "w", force_zip64=True) as out:
                shutil.copyfileobj(table, out)
        file.seek(0, io.SEEK_END)

    def dataset(self, file: IO[bytes], wanted: Wanted) -> None:
        """What reviewers have said, of everybody's pictures."""
        dataset.write(file, wanted, self._count)

    def _count(self, rows: int) -> None:
        self.rows = rows
        self.hold_on()

    def hold_on(self) -> None:
        """Renew the lease, where that was not done just now. Raises Superseded, or Problem where
        the disk has become too full."""
        if monotonic() - self._renewed < RENEWED_EVERY:
            return
        outages.check_room()
        if not self.export.hold_on(self.rows):
            raise Superseded
        self._renewed = monotonic()

    def _with_pictures(self, archive: zipfile.ZipFile) -> Iterator[Prediction]:
        """Each row, once its picture is in the archive under the label it was given."""
        for row in self._all():
            if row.image and not row.is_withheld:
                # One that was lost, or is erased just now, keeps none of the others back.
                with suppress(FileNotFoundError), row.image.original.open("rb") as original:
                    archive.writestr(picture_name(row), original.read())
            yield row

    def _all(self) -> Iterator[Prediction]:
        rows, last = selected(self.export), None
        while page := list((rows.filter(pk__gt=last) if last else rows)[:PAGE]):
            for row in page:
                self.hold_on()
                yield row
                self.rows += 1
            last = page[-1].pk


def picture_name(row: Prediction) -> str:
    stem = Path(row.image.name if row.image else "").stem[:80] or "picture"
    return f"{row.label or row.status}/{row.pk.hex}-{stem}.jpg"
