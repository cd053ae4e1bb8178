"""A decoder process: pictures in by stdin, answers out by stdout, one at a time.

    python -m classifier.decoding.child MEMORY_BYTES CPU_SECONDS

It has no secrets, no database and no network to speak of, and may not write files. It ends when its
parent does, however that dies: the pipe closes, and a thread of its own is always reading it.
Linux holds every limit. macOS does not hold the one on memory; there the bound on pixels stands
alone.
"""

import json
import math
import os
import queue
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any, BinaryIO

from PIL import Image as Pillow

from classifier.decoding.jpeg import Refused, decode

READY = b"\n"
Job = tuple[dict[str, Any], bytes]


def main(memory: int, cpu_seconds: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    Pillow.preinit()  # imports what it needs while files may still be opened freely
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, jobs), daemon=True).start()
    _confine(memory)
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    while True:
        asked, data = jobs.get()
        _allow_cpu(cpu_seconds)
        _send(sys.stdout.buffer, *_answer(asked, data))
        del data


def _receive(pipe: BinaryIO, jobs: "queue.SimpleQueue[Job]") -> None:
    """Also while a picture is being decoded, so that the parent's end is noticed at once."""
    while line := pipe.readline():
        asked = json.loads(line)
        data = pipe.read(asked["bytes"])
        if len(data) < asked["bytes"]:
            break
        jobs.put((asked, data))
        del data
    os._exit(0)


def _confine(memory: int) -> None:
    limits = {
        "RLIMIT_AS": memory,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 16,
        "RLIMIT_NPROC": 0,  # no process and no further thread, but for root
    }
    for name, most in limits.items():
        with suppress(AttributeError, ValueError, OSError):  # not every system has each
            resource.setrlimit(getattr(resource, name), (most, most))


def _allow_cpu(seconds: int) -> None:
    """So much from now on; beyond it the kernel ends the process with SIGXCPU."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, hard))


def _answer(asked: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        decoded = decode(data, asked["side"], asked["most_pixels"])
    except Refused as refusal:
        return {"refused": refusal.code}, b""
    except MemoryError:
        return {"refused": "DECODE_FAILED"}, b""
    size = {"width": decoded.width, "height": decoded.height, "own": decoded.preview is None}
    return size, decoded.preview or b""


def _send(pipe: BinaryIO, told: dict[str, Any], preview: bytes) -> None:
    line = json.dumps({**told, "bytes": len(preview)})
    pipe.write(line.encode() + b"\n" + preview)
    pipe.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
