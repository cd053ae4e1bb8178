"""The decoders of one process, and how much they may have in hand at a time.

A progressive JPEG of 50 megapixels takes up to 400 MB however small its preview, so the sum of
pixels is bounded, not only the number of pictures. What does not fit waits in line: a few, for a
while.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from classifier.decoding.decoder import CannotStart, Decoder, Exhausted, Failed, OutOfTime
from classifier.decoding.jpeg import Decoded, Refused

log = logging.getLogger(__name__)


class Busy(Refused):
    def __init__(self) -> None:
        super().__init__("DECODERS_BUSY")


class Pool:
    def __init__(self) -> None:
        self._turn = threading.Lock()  # who holds it is served next, however large the picture
        self._changed = threading.Condition()
        self._waiting = self._running = self._pixels = 0
        self._idle: list[Decoder] = []
        self._all: set[Decoder] = set()

    def decode(self, data: bytes, pixels: int, patience: float, stands_by: bool = False) -> Decoded:
        """Wait for a decoder, at most `patience` seconds, and have it decode a picture of so many
        pixels. Raises Refused, Busy among them: at once where the line is full, unless the caller
        stands by until somebody leaves it.

        Without any patience it takes no place in line, and no decoder for which somebody waits.
        """
        pixels = min(pixels, settings.PIXELS_IN_FLIGHT)
        deadline = time.monotonic() + patience
        with (
            self._line(1 if patience else 0, deadline if stands_by else 0),
            self._place(pixels, deadline),
        ):
            try:
                return self._decode(data)
            except (CannotStart, OutOfTime) as failure:
                log.error("A decoder could not do its work: %s", failure)
                raise Busy from failure
            except Failed as failure:
                log.error("A picture of %d bytes ended its decoder: %s", len(data), failure)
                raise Refused("DECODE_FAILED") from failure

    def _decode(self, data: bytes) -> Decoded:
        try:
            return self._with(self._taken(), data)
        except (Exhausted, OutOfTime):
            raise
        except Failed as failure:
            # The end may have been somebody else's doing: the kernel's, short of memory.
            log.warning("A decoder ended: %s", failure)
        return self._with(self._started(), data)

    def _with(self, decoder: Decoder, data: bytes) -> Decoded:
        try:
            decoded = decoder.decode(data)
        except Failed:
            self._all.discard(decoder)
            raise
        except Refused:
            self._idle.append(decoder)
            raise
        self._idle.append(decoder)
        return decoded

    def _taken(self) -> Decoder:
        while self._idle:
            decoder = self._idle.pop()
            if decoder.is_alive:
                return decoder
            self._all.discard(decoder)
            decoder.end()
        return self._started()

    def _started(self) -> Decoder:
        decoder = Decoder()
        self._all.add(decoder)
        return decoder

    @contextmanager
    def _line(self, places: int, deadline: float) -> Iterator[None]:
        """Those who wait hold a thread of the web process each, which others need."""
        with self._changed:
            if self._waiting:  # else there is nobody whose leaving would help
                left = max(0, deadline - time.monotonic())
                self._changed.wait_for(self._line_has_room, left)
            if not self._line_has_room():
                raise Busy
            self._waiting += places
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= places
                self._changed.notify_all()

    def _line_has_room(self) -> bool:
        return self._waiting < settings.MAX_DECODING

    @contextmanager
    def _place(self, pixels: int, deadline: float) -> Iterator[None]:
        self._enter(pixels, deadline)
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._pixels -= pixels
                self._changed.notify_all()

    def _enter(self, pixels: int, deadline: float) -> None:
        if not self._turn.acquire(timeout=max(0, deadline - time.monotonic())):
            raise Busy
        try:
            with self._changed:
                left = max(0, deadline - time.monotonic())
                if not self._changed.wait_for(lambda: self._has_room(pixels), left):
                    raise Busy
                self._running += 1
                self._pixels += pixels
        finally:
            self._turn.release()

    def _has_room(self, pixels: int) -> bool:
        fits = self._pixels + pixels <= settings.PIXELS_IN_FLIGHT
        return fits and self._running < settings.DECODERS

    def pids(self) -> list[int]:
        return [decoder.pid for decoder in list(self._all)]

    def let_go(self) -> None:
        for decoder in list(self._all):
            decoder.let_go()


_pool = Pool()


def decode(data: bytes, pixels: int, patience: float, stands_by: bool = False) -> Decoded:
    """As Pool.decode, in this process's pool."""
    return _pool.decode(data, pixels, patience, stands_by)


def _begin_anew() -> None:
    """In a forked process: the decoders are the parent's, and end with it, not with us."""
    global _pool
    _pool.let_go()
    _pool = Pool()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(lambda: _pool.let_go())
