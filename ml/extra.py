"""More pictures of the same classes to train on, from elsewhere: an .npz with x, y, name, classes.

They are a run's own matter: they are in no split, and what a model is chosen and measured on stays
what it was.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ml import data

CIFAR10 = [c["id"] for c in data.CIFAR10_CLASSES]


@dataclass(frozen=True)
class Extra:
    name: str
    classes: list[str]  # their ids
    pictures: data.Labelled

    @cached_property
    def about(self) -> dict[str, Any]:
        """For the run and the model's card: which pictures these were."""
        sha256 = data.digest(self.pictures.x, self.pictures.y.astype("<i8"))
        return {"name": self.name, "pictures": len(self.pictures), "sha256": sha256}

    def check_classes(self, classes: Sequence[Mapping[str, str]], whose: str | Path) -> None:
        """Raises ValueError where a model's or a data set's classes are others, or in another
        order."""
        if [c["id"] for c in classes] != self.classes:
            raise ValueError(f"{whose} knows other classes than the pictures of {self.name} show")


def read(path: Path) -> Extra:
    """x (n, 32, 32, 3) uint8, y (n,), each the place of one of the classes, their ids (CIFAR-10's
    where there are none) and what they are called. Raises OSError or ValueError where they are not
    that."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y, name = arrays["x"], arrays["y"], str(arrays["name"])
            ids = [str(i) for i in arrays["classes"]] if "classes" in arrays else CIFAR10
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz with x, y and name: {error}") from error
    data.check_pictures(path, ("x", "y"), x, y, fewest=1, classes=len(ids))
    return Extra(name, ids, data.Labelled(x, y))


def check(recipe: Mapping[str, Any], given: Extra | None) -> None:
    """Raises ValueError where a recipe was made for other extra pictures than are given."""
    needed = recipe.get("extra", "")
    if needed and not given:
        raise ValueError(
            f"this recipe needs pictures of {needed} beside the set's: name a file of "
            "them by --extra"
        )
    if needed and given and given.name != needed:
        raise ValueError(f"this recipe needs pictures of {needed}, and these are of {given.name}")
