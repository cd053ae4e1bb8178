"""Counts what an archive costs while it is read, and stops it in time."""

from django.conf import settings

from classifier.problems import Problem

MEGABYTE = 1024 * 1024
MAX_RATIO = 100  # JPEGs do not compress; text does by 10, and a bomb by 1000
ENTRY_SLACK, ARCHIVE_SLACK = MEGABYTE, 10 * MEGABYTE  # small files may be as empty as they like
RECORDS_PER_ENTRY = 5  # folders, a Mac's twin of each file, long names: they cost time too


class Meter:
    """The running totals of one archive of `archive_bytes`."""

    def __init__(self, archive_bytes: int) -> None:
        self.files = self.records = self.bytes = 0
        self.most_by_ratio = MAX_RATIO * archive_bytes + ARCHIVE_SLACK

    def add_file(self) -> None:
        self.files += 1
        if self.files > settings.MAX_ARCHIVE_ENTRIES:
            raise Problem("ARCHIVE_TOO_MANY")

    def add_record(self) -> None:
        """Anything with a header of its own, be it a file or not."""
        self.records += 1
        if self.records > RECORDS_PER_ENTRY * settings.MAX_ARCHIVE_ENTRIES:
            raise Problem("ARCHIVE_TOO_MANY")

    def add_bytes(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self.most_by_ratio:
            raise Problem("ARCHIVE_BOMB")
        if self.bytes > settings.MAX_ARCHIVE_BYTES:
            raise Problem("ARCHIVE_TOO_LARGE")


def check_ratio(unpacked: int, packed: int) -> None:
    """Of one entry, in bytes."""
    if unpacked > ENTRY_SLACK and unpacked > MAX_RATIO * packed:
        raise Problem("ARCHIVE_BOMB")
