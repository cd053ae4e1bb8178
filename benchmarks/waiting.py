"""A worker whose network only waits, as long as a GPU would compute: what is left is the queue.

Started as Celery starts a worker, with this module among those that it imports.
"""

import time
from pathlib import Path

import numpy as np
from django.conf import settings

from benchmarks.workers import GO, READY
from classifier.models import ModelVersion
from ml import manifest
from ml.runtime import Answers
from worker import process

SECONDS = 0.005  # a micro-batch


class Waiting:
    """What a worker asks of a runtime."""

    device = "none"

    def __init__(self, folder: Path) -> None:
        self.manifest = manifest.read(folder)
        self.id, self.digest, self.classes = "waiting", "0" * 64, self.manifest.classes

    def predict(self, x: np.ndarray) -> Answers:
        time.sleep(SECONDS)
        probabilities = np.zeros((len(x), len(self.classes)), np.float32)
        probabilities[:, 0] = 1
        return Answers(probabilities, np.zeros(len(x), np.float32))


def load() -> process.ServedModel:
    """Once all may begin."""
    runtime = Waiting(settings.MODEL_FOLDER)
    described = runtime.manifest
    version = ModelVersion.objects.register(
        digest=runtime.digest,
        name=runtime.id,
        preprocessing=described.preprocessing,
        classes=described.classes,
    )
    served = process.ServedModel(runtime, version)  # type: ignore[arg-type]
    Path(settings.DATA, f"{READY}-{served.worker}").touch()
    while not Path(settings.DATA, GO).exists():
        time.sleep(0.005)
    return served


process.load = load
