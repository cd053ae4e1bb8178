"""Files that are there while something is written: on the disk that keeps everything else, whose
room is watched. /tmp may be memory, and batches of 4 GB and exports of all pictures pass here.
"""

import contextlib
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from django.conf import settings

logger = logging.getLogger(__name__)

OLD = 24 * 3600  # seconds; what is older was left by a process that was killed


def file() -> IO[bytes]:
    """Without a name, so that it goes with its last reader, however that ends."""
    return tempfile.TemporaryFile(dir=_place())


def folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(dir=_place())


def tidy() -> int:
    """Remove what is old; returns how many files and folders that were."""
    removed = 0
    for path in _place().iterdir():
        with contextlib.suppress(FileNotFoundError):  # one that ends just now
            if path.stat().st_mtime < time.time() - OLD and _remove(path):
                removed += 1
    return removed


def _remove(path: Path) -> bool:
    """Whether it is gone. What cannot be removed, root's say, keeps no other from it."""
    logger.info("Removing %s, left by a process that was killed", path)
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except FileNotFoundError:
        raise
    except OSError as error:
        logger.warning("It cannot be removed: %s", error)
        return False
    return True


def _place() -> Path:
    place: Path = settings.TEMPORARY
    try:
        place.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        return place
    if os.geteuid() == 0:  # a backup's, say: the service's user has to write there too
        owner = place.parent.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
    return place
