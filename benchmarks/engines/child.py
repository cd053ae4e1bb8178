"""One engine in a process of its own: `python -m benchmarks.engines.child ENGINE NETWORK FOLDER`.

Says once what it answers and what loading took, and then, for each line "BATCH SECONDS" on its
standard input, how fast it was. Each answer is a line of JSON on standard output.
"""

import json
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import networks
from benchmarks.engines.runners import ENGINES, Predict


def main(engine: str, name: str, folder: Path) -> None:
    began = time.perf_counter()
    predict = ENGINES[engine](folder, name)
    loaded = time.perf_counter() - began
    x = np.load(folder / networks.INPUTS)
    _say(
        probabilities=predict(x).tolist(),
        alone=[predict(x[n : n + 1])[0].tolist() for n in (0, 7)],
        loaded=loaded,
        beside=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    )
    for line in sys.stdin:
        batch, seconds = line.split()
        _say(**timed(predict, x[: int(batch)], float(seconds)), peak=peak())


def timed(predict: Predict, x: np.ndarray, seconds: float) -> dict[str, float]:
    """The median seconds of a call, and processor time a picture."""
    calls: list[float] = []
    began, spent = time.perf_counter(), time.process_time()
    while not calls or time.perf_counter() - began < seconds:
        call = time.perf_counter()
        predict(x)
        calls.append(time.perf_counter() - call)
    spent = time.process_time() - spent
    return {"call": float(np.median(calls)), "core": spent / len(calls) / len(x)}


def peak() -> int:
    """The most memory that the process has held so far, in bytes (Linux, proc_pid_status(5)).

    Not ru_maxrss: of a process that another has just started, that begins with what the other held.
    """
    held = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert held
    return int(held[1]) * 1024


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
