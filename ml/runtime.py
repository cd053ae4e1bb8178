"""The serving path: a loaded network that answers fast and always the same.

An engine (ml/engines/) is called with a few fixed batch sizes, each prepared by the warm-up; what
is asked for is split over them and padded. An image's answer does not depend on its company, nor
on the engine, beyond TOLERANCE.
"""

import base64
import json
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from ml import engines
from ml import manifest as manifests
from ml.engines import Engine
from ml.manifest import DEFAULT_ENGINE, ENERGY, Manifest, ManifestError, ModelError
from ml.preprocess import PREPROCESSING

BUCKETS = (1, 8, 32, 128)
TOLERANCE = 1e-3  # largest difference of one probability, between batches and between machines
SCORE_TOLERANCE = 1e-2  # and of one off-topic score, or that part of one above 1: it has no end


class Answers(NamedTuple):
    """What the network says of n images.

    The off-topic score: the higher, the less the image looks like any of the classes.
    """

    probabilities: np.ndarray  # (n, classes) float32
    off_topic: np.ndarray  # (n,) float32


class Runtime:
    """A network in memory. `predict` before `warm_up` works, and is slow once a bucket."""

    def __init__(self, folder: Path, manifest: Manifest, engine: Engine) -> None:
        self.folder, self.manifest, self.engine = folder, manifest, engine

    @classmethod
    def load(cls, folder: Path, engine: str = DEFAULT_ENGINE) -> Self:
        """Read a model folder, checking its weights' hash. Raises ModelError, EngineError."""
        manifest = manifests.read(folder)
        manifests.verify(folder, manifest)
        if manifest.preprocessing != PREPROCESSING:
            raise ManifestError(
                f"{folder} expects the preprocessing {manifest.preprocessing}; "
                f"this is {PREPROCESSING}"
            )
        return cls(folder, manifest, engines.load(folder, manifest, engine))

    @property
    def device(self) -> str:
        return self.engine.device

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def classes(self) -> list[dict[str, str]]:
        return self.manifest.classes

    def warm_up(self) -> None:
        """Prepare every bucket, and check that the golden inputs get their expected answers."""
        size = self.manifest.input_size
        for bucket in BUCKETS:
            self.predict(np.zeros((bucket, size, size, 3), np.uint8))
        self.check_golden()

    def check_golden(self) -> None:
        """Raises ModelError where the golden inputs do not get their expected answers."""
        inputs, expected = golden(self.folder)
        self._check_shapes(inputs, expected)
        got = self.predict(inputs)
        difference = float(np.abs(got.probabilities - expected.probabilities).max())
        scale = np.maximum(1, np.abs(expected.off_topic))
        apart = float((np.abs(got.off_topic - expected.off_topic) / scale).max())
        if not (difference <= TOLERANCE and apart <= SCORE_TOLERANCE):
            raise ModelError(
                f"{self.folder} answers its golden inputs differently: by {difference:.4f} in "
                f"probability ({TOLERANCE} is allowed), by {apart:.4f} in off-topic score "
                f"({SCORE_TOLERANCE}). The weights, the library or the device is not as expected"
            )

    def _check_shapes(self, inputs: np.ndarray, expected: Answers) -> None:
        n, size = len(inputs), self.manifest.input_size
        shapes = (inputs.shape, expected.probabilities.shape, expected.off_topic.shape)
        if not n or shapes != ((n, size, size, 3), (n, len(self.classes)), (n,)):
            raise ModelError(
                f"{self.folder / manifests.GOLDEN} is of another model: inputs {shapes[0]}, "
                f"probabilities {shapes[1]}, off-topic scores {shapes[2]}"
            )

    def predict(self, x: np.ndarray) -> Answers:
        """The answers for images (n, size, size, 3) uint8."""
        own_score = self.manifest.off_topic_score != ENERGY
        said, start = [np.empty((0, len(self.classes) + own_score), np.float32)], 0
        while start < len(x):
            bucket = _bucket(len(x) - start)
            part = x[start : start + bucket]
            padding = np.zeros((bucket - len(part), *x.shape[1:]), np.uint8)
            said.append(self.engine.outputs(np.concatenate([part, padding]))[: len(part)])
            start += len(part)
        return read(np.concatenate(said), len(self.classes), self.manifest.calibration)


def golden(folder: Path) -> tuple[np.ndarray, Answers]:
    """A folder's golden inputs (n, size, size, 3) uint8 and the answers expected of them."""
    try:
        content = json.loads((folder / manifests.GOLDEN).read_text())
        pixels = np.frombuffer(base64.b64decode(content["inputs"]), np.uint8)
        probabilities = np.array(content["probabilities"], np.float32)
        scores = np.array(content["off_topic"], np.float32)
        return pixels.reshape(content["shape"]), Answers(probabilities, scores)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / manifests.GOLDEN} cannot be read: {error}") from error


def read(said: np.ndarray, classes: int, calibration: dict[str, float]) -> Answers:
    """What a network's outputs mean: logits, and after them its off-topic score where it has one
    of its own, (n, classes or one more)."""
    told = answers(said[:, :classes], calibration)
    return told._replace(off_topic=said[:, classes]) if said.shape[1] > classes else told


def answers(logits: np.ndarray, calibration: dict[str, float]) -> Answers:
    """What logits (n, classes) mean.

    Softmax of minus each logit's gap to the highest, divided by the temperature and raised to the
    power. A power of 1 is plain temperature scaling (arXiv:1706.04599); any other still keeps the
    order of the labels (arXiv:2003.06820). What smoothed labels (arXiv:1512.00567) taught it to
    spread evenly over all classes is then taken away again, and the order kept here too.

    The off-topic score is the energy, minus the log of the summed exponentials of the logits
    (arXiv:2010.03759).
    """
    gaps = logits.max(axis=1, keepdims=True) - logits
    powers = np.exp(-((gaps / calibration["temperature"]) ** calibration["power"]))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    if smoothing := calibration.get("smoothing", 0.0):
        probabilities = unsmoothed(probabilities, smoothing)
    energy = -np.logaddexp.reduce(logits, axis=1)
    return Answers(probabilities, energy)


def unsmoothed(probabilities: np.ndarray, smoothing: float) -> np.ndarray:
    """Probabilities (n, classes) less the share `smoothing` that all classes have alike. Where
    that leaves nothing, a thousandth stays, so the order does too."""
    even = smoothing / probabilities.shape[1]
    left = np.maximum(probabilities - even, probabilities / 1000)
    return np.asarray(left / left.sum(axis=1, keepdims=True))


def _bucket(n: int) -> int:
    """The bucket for n images: the smallest that holds them all, or the largest there is."""
    return next((bucket for bucket in BUCKETS if bucket >= n), BUCKETS[-1])
