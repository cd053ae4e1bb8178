"""A model is a folder; its manifest.json says what is in it. Standard library only.

The folder holds weights.npz, manifest.json, golden.json (inputs with the answers expected of them,
checked at each load), card.json (all that was measured) and pictures.jpg (test pictures that the
card shows). It is written under a temporary name and renamed.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

MANIFEST, WEIGHTS, GOLDEN = "manifest.json", "weights.npz", "golden.json"
MODELS = Path(__file__).parent / "models"  # those that ship, and what recipes make
SHIPPED = (
    "airbench94",
    "airbench96",
    "airbench_wide",
    "cifar10_improved",
    "efficientnet_lite0",
    "efficientnet_lite2",
)
DEFAULT = MODELS / "efficientnet_lite2"  # the one that serves until another is activated
CARD, PICTURES = "card.json", "pictures.jpg"
CALIBRATION, THRESHOLDS = ("power", "temperature"), ("off_topic", "set")
SMOOTHING = "smoothing"  # a third number of the calibration, where it has one
# What a network's off-topic score is told from: its logits, or its features (ml/off_topic.py).
ENERGY, RESIDUAL = OFF_TOPIC_SCORES = ("energy", "residual")
ENGINES = ("tensorflow", "litert")  # what can compute a network: see ml/engines/
DEFAULT_ENGINE = "tensorflow"


def shipped() -> list[Path]:
    """The folders of the models that ship."""
    return [MODELS / name for name in SHIPPED]


class ModelError(Exception):
    """The model cannot be served. The message is one line: what is wrong, and with what."""


class EngineError(Exception):
    """What should compute is missing, or could not do its work this time: no fault of the model.
    The message is one line."""


class ManifestError(ModelError):
    """The folder holds no usable model. The message is one line: what is wrong, and where."""


@dataclass(frozen=True)
class Manifest:
    """What a model folder says of itself."""

    id: str
    architecture: str
    classes: list[dict[str, str]]  # {"id", "uk", "en"}, in the order of the network's outputs
    input_size: int  # pixels a side
    preprocessing: str
    calibration: dict[str, float]  # temperature, power, maybe smoothing: see ml.runtime.answers
    thresholds: dict[str, float]  # "set": the least probability in a prediction set; "off_topic"
    weights_sha256: str
    data_sha256: str
    recipe: dict[str, Any]
    libraries: dict[str, str]
    created: str  # RFC 3339
    metrics: dict[str, Any] = field(default_factory=dict)
    off_topic_score: str = ENERGY

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides an answer: network, weights, classes, input,
        calibration, thresholds, off-topic score.

        Metrics are not part of it, so measuring a model does not make it another one.
        """
        decisive = {
            name: getattr(self, name)
            for name in (
                "architecture",
                "classes",
                "input_size",
                "preprocessing",
                "calibration",
                "thresholds",
                "weights_sha256",
            )
        }
        if self.off_topic_score != ENERGY:  # else, as it was before there was another
            decisive["off_topic_score"] = self.off_topic_score
        canonical = json.dumps(decisive, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write manifest.json, whole or not at all."""
        content = asdict(self)
        if self.off_topic_score == ENERGY:  # which a release before there was another can read
            del content["off_topic_score"]
        write_json(folder / MANIFEST, content)


TYPES: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "architecture": str,
    "classes": list,
    "input_size": int,
    "preprocessing": str,
    "calibration": dict,
    "thresholds": dict,
    "weights_sha256": str,
    "data_sha256": str,
    "recipe": dict,
    "libraries": dict,
    "created": str,
    "metrics": dict,
    "off_topic_score": str,
}
OPTIONAL = {"metrics": {}, "off_topic_score": ENERGY}


def write_json(path: Path, content: object) -> None:
    """Write a file of the folder, whole or not at all."""
    with whole(path) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write a file under, which becomes `path` when all is written, or is removed.

    It ends as `path` does, since NumPy and Keras look at the end of a name.
    """
    partial = path.with_name(f"partial.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_card(folder: Path) -> dict[str, Any]:
    """What was measured of the model; {} where nothing was. Raises ManifestError."""
    path = folder / CARD
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{path} holds no object")
    return content


def read(folder: Path) -> Manifest:
    """Read a folder's manifest. Raises ManifestError."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise ManifestError(f"no model in {folder}: {MANIFEST} is missing") from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{path} holds no object")
    return _checked(content, path)


def verify(folder: Path, manifest: Manifest) -> None:
    """Raise ManifestError unless the weights are those that the manifest names."""
    try:
        digest = sha256(folder / WEIGHTS)
    except OSError as error:
        raise ManifestError(f"{folder / WEIGHTS} cannot be read: {error.strerror}") from error
    if digest != manifest.weights_sha256:
        raise ManifestError(f"{folder / WEIGHTS} is not the file that {MANIFEST} was written for")


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(content: dict[str, Any], path: Path) -> Manifest:
    known = {f.name for f in fields(Manifest)}
    if unknown := sorted(set(content) - known):
        raise ManifestError(f"{path} has unknown fields: {', '.join(unknown)}")
    for name, type_ in TYPES.items():
        if name not in content and name not in OPTIONAL:
            raise ManifestError(f"{path} lacks the field {name!r}")
        value = content.get(name, OPTIONAL.get(name))
        if not isinstance(value, type_) or isinstance(value, bool):
            raise ManifestError(f"{path}: the field {name!r} is of the wrong type")
    manifest = Manifest(**content)
    _check_classes(manifest.classes, path)
    for name, parts in (("calibration", CALIBRATION), ("thresholds", THRESHOLDS)):
        given = getattr(manifest, name)
        optional = {SMOOTHING} if name == "calibration" else set()
        if sorted(set(given) - optional) != list(parts) or not all(
            isinstance(value, int | float) for value in given.values()
        ):
            maybe = "".join(f", and may hold {more}" for more in optional)
            raise ManifestError(f"{path}: {name} holds numbers, {' and '.join(parts)}{maybe}")
    if manifest.off_topic_score not in OFF_TOPIC_SCORES:
        raise ManifestError(f"{path}: off_topic_score is {' or '.join(OFF_TOPIC_SCORES)}")
    needed = [manifest.calibration[name] for name in CALIBRATION]
    if min(*needed, manifest.input_size) <= 0:
        raise ManifestError(f"{path}: temperature, power and input size must be above zero")
    if not 0 <= manifest.calibration.get(SMOOTHING, 0) < 1:
        raise ManifestError(f"{path}: smoothing must be at least zero and below one")
    return manifest


def _check_classes(classes: list[Any], path: Path) -> None:
    if not classes or not all(_is_class(c) for c in classes):
        raise ManifestError(f"{path}: each class needs an id and names in uk and en")
    if len({c["id"] for c in classes}) < len(classes):
        raise ManifestError(f"{path}: two classes have the same id")


def _is_class(given: object) -> bool:
    """Whether it is {"id", "uk", "en"}, each a text."""
    texts = [given.get(name) for name in ("id", "uk", "en")] if isinstance(given, dict) else [None]
    return all(isinstance(text, str) for text in texts)
