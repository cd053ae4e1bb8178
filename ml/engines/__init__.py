"""What computes a network: TensorFlow, which the project is made with, or another library that
gives the same answers. Which one is chosen where a model is loaded (ml/runtime.py)."""

from pathlib import Path
from typing import Protocol

import numpy as np

from ml.manifest import DEFAULT_ENGINE, ENGINES, EngineError, Manifest


class Engine(Protocol):
    """A network in memory, ready for batches of any size; a new size costs time once."""

    device: str  # what it runs on, for people

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """What the network says of images (n, size, size, 3) uint8: logits, and after them the
        off-topic score where it is not told from these, (n, classes or one more) float32."""

    def sizes(self) -> int:
        """How many batch sizes have been prepared so far."""


def load(folder: Path, described: Manifest, name: str = DEFAULT_ENGINE) -> Engine:
    """The network of a folder in the engine called `name`.

    Raises ModelError where it cannot be the engine's, EngineError where the engine is missing or
    failed.
    """
    if name == "tensorflow":
        from ml.engines.tensorflow import TensorFlow

        return TensorFlow(folder, described)
    if name == "litert":
        from ml.engines.litert import LiteRT

        return LiteRT(folder, described)
    raise EngineError(f"there is no engine {name!r}; there are {' and '.join(ENGINES)}")
