"""The bare network, in a process of its own: how fast it is, and what it says of the pictures that
the service is asked about."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.report import WrongError
from ml.manifest import DEFAULT_ENGINE

AT_ONCE = 256  # images a call


@dataclass(frozen=True)
class Bare:
    """The limit for everything else, on this machine and now."""

    rate: float  # images a second
    seconds: float  # of processor time an image
    answers: list[tuple[str, float]]  # label and confidence of each picture

    def check(self, number: int, label: str, confidence: float) -> None:
        """Raises WrongError where the service says something else of picture `number`."""
        expected, sure = self.answers[number]
        if (label, abs(confidence - sure) <= 2e-3) != (expected, True):
            raise WrongError(
                f"Picture {number} is {label} ({confidence:.4f}) to the service, and "
                f"{expected} ({sure:.4f}) to the bare network"
            )

    def averaged(self, other: "Bare") -> "Bare":
        """Over the pictures of both."""
        rate = 2 / (1 / self.rate + 1 / other.rate)
        return replace(self, rate=rate, seconds=(self.seconds + other.seconds) / 2)


def measure(
    folder: Path, pictures: list[bytes], passes: int = 1, engine: str = DEFAULT_ENGINE
) -> Bare:
    """Run the model in `folder` over decoded pictures that lie in memory."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_measure, folder, pictures, passes, engine).result()


def _measure(folder: Path, pictures: list[bytes], passes: int, engine: str) -> Bare:
    import numpy as np

    from ml import preprocess
    from ml.runtime import Runtime

    runtime = Runtime.load(folder, engine)
    runtime.warm_up()
    size = runtime.manifest.input_size
    x = np.stack([preprocess.from_jpeg(picture, size) for picture in pictures])
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(passes):
        found = [runtime.predict(x[i : i + AT_ONCE]) for i in range(0, len(x), AT_ONCE)]
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    probabilities = np.concatenate([part.probabilities for part in found])
    best = probabilities.argmax(axis=1)
    labels = [runtime.classes[i]["id"] for i in best]
    count = passes * len(pictures)
    confidences = probabilities.max(axis=1).tolist()
    return Bare(count / wall, processor / count, list(zip(labels, confidences, strict=True)))
