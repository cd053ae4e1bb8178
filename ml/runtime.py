"""The serving path: a loaded network that answers fast and always the same.

`tf.function` calls at a few fixed batch sizes, each compiled by the warm-up; what is asked for is
split over them and padded. An image's answer does not depend on its company beyond TOLERANCE.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ml import manifest as manifests
from ml.manifest import Manifest, ManifestError
from ml.preprocess import PREPROCESSING

BUCKETS = (1, 8, 32, 128)
TOLERANCE = 1e-3  # largest difference of one probability, between batches and between machines
SCORE_TOLERANCE = 1e-2  # and of one off-topic score, which has no upper end


class Answers(NamedTuple):
    """What the network says of n images.

    The off-topic score is the energy, minus the log of the summed exponentials of the logits
    (arXiv:2010.03759): the higher, the less the image looks like any of the classes.
    """

    probabilities: np.ndarray  # (n, classes) float32
    off_topic: np.ndarray  # (n,) float32


class ModelError(Exception):
    """The model cannot be served. The message is one line: what is wrong, and with what."""


class Runtime:
    """A network in memory. `predict` before `warm_up` works, and is slow once a bucket."""

    def __init__(self, folder: Path, manifest: Manifest, network: Any, device: str) -> None:
        self.folder, self.manifest, self.device = folder, manifest, device
        self._call, self._tensor = _compiled(network, manifest)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder, checking its weights' hash. Raises ModelError."""
        try:
            manifest = manifests.read(folder)
            manifests.verify(folder, manifest)
            if manifest.preprocessing != PREPROCESSING:
                raise ManifestError(
                    f"{folder} expects the preprocessing {manifest.preprocessing}; "
                    f"this is {PREPROCESSING}"
                )
        except ManifestError as error:
            raise ModelError(str(error)) from error
        device = _prepare_tensorflow()
        return cls(folder, manifest, network(folder, manifest), device)

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
        """Compile every bucket, and check that the golden inputs get their expected answers."""
        size = self.manifest.input_size
        for bucket in BUCKETS:
            self.predict(np.zeros((bucket, size, size, 3), np.uint8))
        self.check_golden()

    def check_golden(self) -> None:
        """Raises ModelError where the golden inputs do not get their expected answers."""
        inputs, expected = golden(self.folder)
        got = self.predict(inputs)
        difference = float(np.abs(got.probabilities - expected.probabilities).max())
        apart = float(np.abs(got.off_topic - expected.off_topic).max())
        if not (difference <= TOLERANCE and apart <= SCORE_TOLERANCE):
            raise ModelError(
                f"{self.folder} answers its golden inputs differently: by {difference:.4f} in "
                f"probability ({TOLERANCE} is allowed), by {apart:.4f} in off-topic score "
                f"({SCORE_TOLERANCE}). The weights, the library or the device is not as expected"
            )

    def predict(self, x: np.ndarray) -> Answers:
        """The answers for images (n, size, size, 3) uint8."""
        parts, start = [], 0
        while start < len(x):
            bucket = _bucket(len(x) - start)
            part = x[start : start + bucket]
            padding = np.zeros((bucket - len(part), *x.shape[1:]), np.uint8)
            answer = self._call(self._tensor(np.concatenate([part, padding])))
            parts.append([np.asarray(values)[: len(part)] for values in answer])
            start += len(part)
        if not parts:
            return Answers(np.empty((0, len(self.classes)), np.float32), np.empty(0, np.float32))
        return Answers(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def traces(self) -> int:
        """How many batch sizes have been compiled so far."""
        return int(self._call.experimental_get_tracing_count())


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


def answers(logits: np.ndarray, calibration: dict[str, float]) -> Answers:
    """What logits (n, classes) mean: the same in NumPy as the compiled call says.

    Softmax of minus each logit's gap to the highest, divided by the temperature and raised to the
    power. A power of 1 is plain temperature scaling (arXiv:1706.04599); any other still keeps the
    order of the labels (arXiv:2003.06820).
    """
    gaps = logits.max(axis=1, keepdims=True) - logits
    powers = np.exp(-((gaps / calibration["temperature"]) ** calibration["power"]))
    energy = -np.logaddexp.reduce(logits, axis=1)
    return Answers(powers / powers.sum(axis=1, keepdims=True), energy)


def load_weights(network: Any, folder: Path) -> None:
    """Give a built network the weights of a folder. Raises ModelError where they do not fit."""
    try:
        with np.load(folder / manifests.WEIGHTS, allow_pickle=False) as arrays:
            network.set_weights([arrays[name] for name in weight_names(network)])
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{folder / manifests.WEIGHTS} does not fit: {error}") from error


def weight_names(network: Any) -> list[str]:
    """A name for each weight by its place, since Keras numbers layers anew in each process."""
    return [f"{place}-{variable.name}" for place, variable in enumerate(network.weights)]


def _bucket(n: int) -> int:
    """The bucket for n images: the smallest that holds them all, or the largest there is."""
    return next((bucket for bucket in BUCKETS if bucket >= n), BUCKETS[-1])


def _prepare_tensorflow() -> str:
    """Import TensorFlow, let it take GPU memory as needed; returns the name of the device."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return str(details.get("device_name", "GPU"))


def network(folder: Path, manifest: Manifest) -> Any:
    """The network of a folder with its weights, as Keras has it. Raises ModelError."""
    from ml import architectures

    try:
        built = architectures.build(
            manifest.architecture, classes=len(manifest.classes), size=manifest.input_size
        )
    except KeyError as error:
        raise ModelError(f"{folder}: {error.args[0]}") from error
    load_weights(built, folder)
    return built


def _compiled(network: Any, manifest: Manifest) -> tuple[Any, Any]:
    import tensorflow as tf

    temperature, power = (manifest.calibration[name] for name in ("temperature", "power"))

    @tf.function(jit_compile=False)
    def call(x: Any) -> Any:
        """`answers`, in TensorFlow."""
        logits = network(x, training=False)
        gaps = tf.reduce_max(logits, axis=1, keepdims=True) - logits
        probabilities = tf.nn.softmax(-((gaps / temperature) ** power))
        return probabilities, -tf.reduce_logsumexp(logits, axis=1)

    # A plain array would count as a new constant at each call; a tensor is traced once a shape.
    return call, tf.constant
