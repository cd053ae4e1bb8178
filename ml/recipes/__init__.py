"""Recipes are cards: one TOML file holds everything that a training run needs to be run again."""

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    """Read a recipe by name. Raises KeyError with the known names for an unknown one."""
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise KeyError(f"no recipe {name!r}; known: {known}")
    return tomllib.loads(path.read_text())
