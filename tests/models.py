"""Installs variants of the model that ships: real networks with other answers."""

import json
import shutil
from pathlib import Path

from django.conf import settings

from ml import manifest

SHIPPED = manifest.DEFAULT
NAME = SHIPPED.name


def places(folder: Path, django_settings) -> Path:
    """A folder of one's own for models, before those that ship."""
    django_settings.MODEL_FOLDERS = [folder, *settings.MODEL_FOLDERS[1:]]
    return folder


def variant(folder: Path, name: str, **changes: object) -> Path:
    """The shipped network under another name, with some of its manifest changed. Its weights and
    its golden answers are the same, so it is served like any other."""
    target = folder / name
    shutil.copytree(SHIPPED, target, ignore=shutil.ignore_patterns("card.json", "pictures.jpg"))
    content = json.loads((target / manifest.MANIFEST).read_text())
    content |= {"id": name, **changes}
    (target / manifest.MANIFEST).write_text(json.dumps(content))
    return target


def confused(folder: Path, name: str = "confused") -> Path:
    """One that is nearly always wrong: it gives each class the name of the next."""
    classes = manifest.read(SHIPPED).classes
    return variant(folder, name, classes=[*classes[1:], classes[0]])


def same(folder: Path, name: str = "same") -> Path:
    """Another version that says the same: only what counts as off topic differs a little."""
    thresholds = manifest.read(SHIPPED).thresholds
    return variant(folder, name, thresholds={**thresholds, "off_topic": 9.0})
