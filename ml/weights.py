"""A network's weights in a model folder, or in a file to begin with, by place and name."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

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


def start_from(built: Any, start: Path, classes: list[str]) -> None:
    """Give a network that is to name `classes` (their ids) the weights of a model folder, but for
    the last layer where that one names others, be they as many; or those of a file that
    `save_start` wrote. Raises ValueError where it holds another network, ModelError."""
    if start.is_file():
        _start_from_file(built, start)
        return
    described = manifest.read(start)
    if described.architecture != built.name:
        raise ValueError(f"{start} holds {described.architecture}, and the recipe {built.name}")
    pairs = list(zip(built.weights, network(start, described).weights, strict=True))
    if [c["id"] for c in described.classes] != classes:
        pairs = pairs[: -len(last_layer(built).weights)]
    for mine, theirs in pairs:
        mine.assign(theirs)


def save_start(built: Any, out: BinaryIO) -> None:
    """Write what training may begin with, all but the last layer: an .npz with the network's name
    and each weight by its place and name."""
    last = last_layer(built)
    kept = names(built)[: -len(last.weights)]
    arrays = dict(zip(kept, built.get_weights(), strict=False))
    np.savez(out, architecture=built.name, **arrays)


def _start_from_file(built: Any, path: Path) -> None:
    kept = names(built)[: -len(last_layer(built).weights)]
    mine = built.weights[: len(kept)]
    try:
        with np.load(path, allow_pickle=False) as arrays:
            architecture = str(arrays["architecture"])
            theirs = [arrays[name] for name in kept] if architecture == built.name else []
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no weights to begin with: {error}") from error
    if architecture != built.name:
        raise ValueError(f"{path} holds {architecture}, and the recipe {built.name}")
    if any(m.shape != t.shape for m, t in zip(mine, theirs, strict=True)):
        raise ValueError(f"{path} holds no weights to begin with: they are of other shapes")
    for m, t in zip(mine, theirs, strict=True):
        m.assign(t)


def last_layer(built: Any) -> Any:
    """The last one with weights, which names the classes."""
    return [layer for layer in built.layers if layer.weights][-1]


def save(built: Any, path: Path, more: Mapping[str, np.ndarray] | None = None) -> None:
    """Kernels as float16, vectors as float32, and `more` arrays likewise. Raises ValueError if the
    file gets too large."""
    arrays = {**dict(zip(names(built), built.get_weights(), strict=True)), **(more or {})}
    stored = {name: a.astype(np.float16) if a.ndim > 1 else a for name, a in arrays.items()}
    np.savez(path, **stored)
    if path.stat().st_size > LARGEST:
        raise ValueError(f"the weights take {path.stat().st_size} bytes, more than {LARGEST}")


def names(built: Any) -> list[str]:
    """A name for each weight by its place, since Keras numbers layers anew in each process."""
    return [f"{place}-{variable.name}" for place, variable in enumerate(built.weights)]
