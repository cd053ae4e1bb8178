"""Uploads of many files: all land in one temporary file, one after another, and are read there.

Django's own handlers give each file a descriptor or memory of its own; a thousand of them would use
up either.
"""

import hashlib
import io
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from classifier import temporary


class Slice(io.RawIOBase):
    """A part of a file as a file of its own: read-only and seekable."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        super().__init__()
        self.file, self.offset, self.size, self.position = file, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("negative seek")
        self.position = start + offset
        return self.position

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self.size - self.position))
        self.file.seek(self.offset + self.position)
        data = self.file.read(wanted)
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


@dataclass
class SpooledFile:
    """What stands in request.FILES."""

    field: str
    name: str
    file: IO[bytes]
    offset: int
    size: int = 0
    sha256: str = ""

    def open(self) -> io.BufferedReader:
        return io.BufferedReader(Slice(self.file, self.offset, self.size))

    def close(self) -> None:
        """Django closes each file of a request; the spool goes with the last reference to it."""


class SpoolUploadHandler(FileUploadHandler):
    """Stops past the caps on files and bytes; the view then refuses by looking at `too_large`."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.spool: IO[bytes] = temporary.file()  # lives with the request
        self.end = 0
        self.files = 0
        self.too_large = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        self.digest = hashlib.sha256()
        name = getattr(self, "file_name", "") or ""
        self.current = SpooledFile(self.field_name or "", name, self.spool, self.end)
        if self.files > settings.MAX_BATCH_PARTS:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.spool.write(raw_data)
        self.digest.update(raw_data)
        self.end += len(raw_data)
        if self.end > settings.MAX_BATCH_BYTES:
            self._refuse()

    def file_complete(self, file_size: int) -> Any:
        self.current.size = file_size
        self.current.sha256 = self.digest.hexdigest()
        return self.current

    def upload_complete(self) -> None:
        self.spool.flush()

    def _refuse(self) -> None:
        self.too_large = True
        raise StopUpload(connection_reset=True)
