"""A network's weights in a model folder, by place and name."""

from pathlib import Path
from typing import Any

import numpy as np

from ml import manifest
from ml.manifest import WEIGHTS, Manifest, ModelError

LARGEST = 25_000_000  # bytes; what the repository takes


def network(folder: Path, described: Manifest) -> Any:
    """The network of a folder with its weights, as Keras has it. Raises ModelError."""
    from ml import architectures

    try:
        built = architectures.build(
            described.architecture, classes=len(described.classes), size=described.input_size
        )
    except KeyError as error:
        raise ModelError(f"{folder}: {error.args[0]}") from error
    load(built, folder)
    return built


def load(built: Any, folder: Path) -> None:
    """Give a built network the weights of a folder. Raises ModelError where they do not fit."""
    try:
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            built.set_weights([arrays[name] for name in names(built)])
    except (OSError, KeyError, ValueError) as error:
        raise ModelError(f"{folder / WEIGHTS} does not fit: {error}") from error


def start_from(built: Any, folder: Path, classes: list[str]) -> None:
    """Give a network that is to name `classes` (their ids) the weights of a model folder, but for
    the last layer where that one names others, be they as many. Raises ValueError where the folder
    holds another network, ModelError."""
    described = manifest.read(folder)
    if described.architecture != built.name:
        raise ValueError(f"{folder} holds {described.architecture}, and the recipe {built.name}")
    pairs = list(zip(built.weights, network(folder, described).weights, strict=True))
    if [c["id"] for c in described.classes] != classes:
        last = [layer for layer in built.layers if layer.weights][-1]
        pairs = pairs[: -len(last.weights)]
    for mine, theirs in pairs:
        mine.assign(theirs)


def save(built: Any, path: Path) -> None:
    """Kernels as float16, vectors as float32. Raises ValueError if the file gets too large."""
    arrays = [w.astype(np.float16) if w.ndim > 1 else w for w in built.get_weights()]
    np.savez(path, **dict(zip(names(built), arrays, strict=True)))
    if path.stat().st_size > LARGEST:
        raise ValueError(f"the weights take {path.stat().st_size} bytes, more than {LARGEST}")


def names(built: Any) -> list[str]:
    """A name for each weight by its place, since Keras numbers layers anew in each process."""
    return [f"{place}-{variable.name}" for place, variable in enumerate(built.weights)]
