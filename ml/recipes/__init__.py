"""Recipes are cards: one TOML file holds everything that a training run needs to be run again."""

import tomllib
from pathlib import Path
from typing import Any

from ml import manifest
from ml.recipes.checks import check

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    """Read a recipe by name. Raises KeyError with the known names for an unknown one, ValueError
    where it is no TOML or says what no recipe can say."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise KeyError(f"no recipe {name!r}; known: {known}")
    try:
        recipe = tomllib.loads(path.read_text())
        check(recipe)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return recipe


def models(recipe: dict[str, Any]) -> dict[str, str]:
    """The digests of the models that a recipe begins with and is taught by, by their names, so that
    it is known which ones they were. Raises ManifestError, ValueError."""
    teacher = recipe.get("distillation", {}).get("teacher", [])
    names = [recipe.get("from", ""), *([teacher] if isinstance(teacher, str) else teacher)]
    return {name: _digest(model_folder(name)) for name in names if name}


def _digest(model: Path) -> str:
    """Of a model's folder, or of a file of weights to begin with."""
    if model.suffix == ".npz" and not model.exists():
        told = "the recipe's head tells how to make it"
        raise ValueError(f"there is no {model} to begin with: {told}")
    return manifest.sha256(model) if model.is_file() else manifest.read(model).digest


def model_folder(name: str) -> Path:
    """Of a model that ships or was trained here, by its name, or of any by its path; or the file of
    weights to begin with that the path names. Raises ValueError where a recipe is still to make
    it."""
    here = manifest.MODELS / name
    if here.is_dir():
        return here
    if not Path(name).exists() and (FOLDER / f"{name}.toml").is_file():
        told = "train the recipe of that name, or name the model's folder by --from"
        raise ValueError(f"the model {name} is needed first: {told}")
    return Path(name)
