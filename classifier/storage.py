"""Where images lie: a private folder, each file whole or not there at all."""

import io
import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join

from classifier import packs


class DurableFileSystemStorage(FileSystemStorage):
    """Writes to a temporary name, syncs, renames: after `save` a crash cannot lose the file.

    A name may be that of a part of a pack (classifier/packs.py).
    """

    def save_pack(self, name: str, contents: Sequence[bytes]) -> list[str]:
        """Save all contents in one file; returns the name of each."""
        saved = self.save(name, ContentFile(b"".join(contents)))
        return list(packs.names(saved, contents))

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        if part := packs.part(name):
            return File(io.BytesIO(packs.read(_joined(str(self.location), part.file), part)), name)
        return FileSystemStorage._open(self, name, mode)  # type: ignore[attr-defined,no-any-return]

    def exists(self, name: str) -> bool:
        if part := packs.part(name):
            try:
                return bool(packs.read(_joined(str(self.location), part.file), part))
            except FileNotFoundError:
                return False
        return super().exists(name)

    def delete(self, name: str) -> None:
        if part := packs.part(name):
            packs.wipe(_joined(str(self.location), part.file), part)
        else:
            super().delete(name)

    def size(self, name: str) -> int:
        part = packs.part(name)
        return part.length if part else super().size(name)

    def get_modified_time(self, name: str) -> datetime:
        return super().get_modified_time(packs.file_of(name))

    def _save(self, name: str, content: "File[Any]") -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of this call alone: an export's writer that was overtaken removes its own.
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        try:
            self._write(partial, content)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return name

    def _write(self, path: Path, content: "File[Any]") -> None:
        with path.open("wb") as file:
            for chunk in content.chunks():
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        path.chmod(self.file_permissions_mode or 0o640)


@lru_cache(maxsize=256)
def _joined(location: str, name: str) -> Path:
    """Where a pack lies; asked for hundreds of times in a row."""
    return Path(safe_join(location, name))


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
