"""The pipeline that large photos are held against: it decodes each in full, and twice."""

import contextlib
import io
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from PIL import Image, ImageOps

from benchmarks.report import Row

TIMES = 4.0  # as fast as the pipeline: the bound
PREVIEW_SIDE = 256  # pixels
Numbered = list[tuple[int, bytes]]  # which of the distinct photos, and its bytes
_photos: list[bytes] = []  # of a process of the pipeline


@dataclass
class Timed:
    """So many photos, in seconds by the clock and of processor time, in several goes."""

    count: int = 0
    seconds: float = 0.0
    spent: float = 0.0

    @contextlib.contextmanager
    def going(self, count: int, spent: Callable[[], float]) -> Iterator[None]:
        began, before = time.perf_counter(), spent()
        yield
        self.count += count
        self.seconds += time.perf_counter() - began
        self.spent += spent() - before

    def row(self, name: str, note: str) -> Row:
        core = self.spent / self.count * 1000
        return Row(name, self.count / self.seconds, "photos/s", note=f"{core:.0f} core-ms; {note}")

    def rows(self, name: str, note: str, base: "Timed") -> list[Row]:
        times = self.count / self.seconds / (base.count / base.seconds)
        less = base.spent / base.count / (self.spent / self.count)
        share = f"for {less:.1f} times less processor time"
        return [
            self.row(name, note),
            Row("… times the pipeline", times, "", least=TIMES, note=share),
        ]


class Pipeline:
    """Full decodes by as many processes as there are cores."""

    def __init__(self, photos: list[bytes]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(os.cpu_count(), spawn, _hold, (photos,))

    def __enter__(self) -> "Pipeline":
        list(self.pool.map(_twice, [0] * 2 * (os.cpu_count() or 1)))  # imports, the first pages
        return self

    def __exit__(self, *_error: object) -> None:
        self.pool.shutdown()

    def run(self, sent: Numbered, timed: Timed) -> None:
        spent = [0.0]
        with timed.going(len(sent), lambda: sum(spent)):
            spent += self.pool.map(_twice, [number for number, _photo in sent])


def _hold(photos: list[bytes]) -> None:
    global _photos
    _photos = photos


def _twice(number: int) -> float:
    """Returns the seconds of processor time that it took."""
    from ml import preprocess

    began = time.process_time()
    in_full(_photos[number])
    preprocess.from_jpeg(_photos[number], 32)
    return time.process_time() - began


def in_full(photo: bytes) -> bytes:
    """A preview by way of all pixels."""
    picture = Image.open(io.BytesIO(photo))
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    upright.convert("RGB").save(out, "JPEG", quality=90, subsampling="4:4:4")
    return out.getvalue()
