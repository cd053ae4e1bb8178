"""Stops reading a file that is too large, and files that are too many, so that they fill neither
memory nor disk. Batches have a handler of their own (classifier/spool.py)."""

from typing import Any

from django.conf import settings
from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler


class CapUploadHandler(FileUploadHandler):
    """Drops what comes after the cap: the file arrives a chunk too long, and is refused."""

    files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        if self.files > settings.MAX_IMAGES:
            raise TooManyFilesSent

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= settings.MAX_IMAGE_BYTES else None

    def file_complete(self, file_size: int) -> None:
        return None
