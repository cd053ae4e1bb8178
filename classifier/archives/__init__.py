"""Uploaded archives, read one entry at a time: ZIP, and tar plain or in gzip, bzip2 or xz.

Nothing is unpacked to disk and at most one entry is held in memory. Sizes that an archive declares
are never trusted: bytes are counted as they come. No database, no HTTP.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

from classifier.archives import tars, zips
from classifier.archives.entry import Entry
from classifier.archives.limits import Meter
from classifier.archives.unpacking import stream_decoder

__all__ = ["Entry", "entries"]


def entries(file: BinaryIO) -> Iterator[Entry]:
    """The files in an archive, in its order; the format is told by content, not by name.

    `file` must be seekable. A refused file comes as an Entry with its problem. Raises Problem where
    the whole archive is refused: for a ZIP's table of contents before the first entry, otherwise
    when the fault is met, which may be after entries were yielded.
    """
    meter = Meter(file.seek(0, io.SEEK_END))
    file.seek(0)
    head = file.read(tars.BLOCK)
    file.seek(0)
    if stream_decoder(head) or tars.is_header(head):
        return tars.entries(file, meter)
    return zips.entries(file, meter)
