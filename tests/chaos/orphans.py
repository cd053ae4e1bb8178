"""The service's own tidying, as of two hours later: what no row names must go, and nothing else."""

import os
import time

from classifier import packs
from tests.chaos.rig import Rig

HOURS = 2 * 3600
REMOVE = "from classifier import orphans; print('removed', orphans.remove())"


def tidied(rig: Rig) -> tuple[int, int]:
    """How many files the tidying removed, and how many without a row are left after it."""
    files = [path for path in (rig.data / "images").rglob("*") if path.is_file()]
    then = time.time() - HOURS
    for path in files:
        os.utime(path, (then, then))
    removed = int(rig.service.manage("shell", "-c", REMOVE).split()[-1])
    return removed, len(_left(rig))


def _left(rig: Rig) -> list[str]:
    rows = rig.rows("SELECT original, preview FROM classifier_image")
    named = {packs.file_of(name) for row in rows for name in row}
    images = rig.data / "images"
    files = [str(path.relative_to(images)) for path in images.rglob("*") if path.is_file()]
    return [name for name in files if name not in named]
