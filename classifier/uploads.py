"""Stops reading a file that is too large, so that it fills neither memory nor disk."""

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class CapUploadHandler(FileUploadHandler):
    """Drops what comes after the cap: the file arrives a chunk too long, and is refused."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return raw_data if start <= settings.MAX_IMAGE_BYTES else None

    def file_complete(self, file_size: int) -> None:
        return None
