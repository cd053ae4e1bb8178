"""The models that lie on this machine, and which of them serves.

A model is installed by lying in one of settings.MODEL_FOLDERS; the newest ModelActivation names
the one that serves, by folder and digest, and settings.MODEL_FOLDER the one that serves before
there is any.
"""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from classifier.models import ModelActivation
from ml import manifest
from ml.manifest import Manifest, ManifestError


@dataclass(frozen=True)
class Installed:
    """A model's folder, and what it says of itself or why it cannot be used."""

    folder: Path
    manifest: Manifest | None
    fault: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def digest(self) -> str:
        """Of its version; "" where it cannot be used."""
        return self.manifest.digest if self.manifest else ""


def installed() -> list[Installed]:
    """Every model folder there is, by name."""
    return sorted((read(folder) for folder in _folders().values()), key=lambda m: m.name)


def find(name: str) -> Installed | None:
    """A model by its folder's name or its id; None where there is none."""
    known = installed()
    by_folder = next((m for m in known if m.name == name), None)
    return by_folder or next((m for m in known if m.manifest and m.manifest.id == name), None)


def with_digest(digest: str) -> Installed | None:
    """The installed model of this very version; None where it is no longer there."""
    return next((m for m in installed() if m.manifest and m.manifest.digest == digest), None)


def active() -> Path:
    """The folder of the model that serves: of those in turn the first that still holds the version
    that was activated, since workers that start take no other."""
    return next(
        folder for folder, digest in in_turn() if not digest or read(folder).digest == digest
    )


def changed() -> str:
    """The name of the folder that was activated last, where it holds another version by now, or
    none; "" where all is well."""
    newest = ModelActivation.objects.newest_first().first()
    if newest is None:
        return ""
    folder = _folders().get(newest.folder)
    same = folder is not None and read(folder).digest == newest.digest
    return "" if same else newest.folder


def serves(digest: str) -> bool:
    """Whether it is this version that serves."""
    return read(active()).digest == digest


def in_turn() -> list[tuple[Path, str]]:
    """Folders to serve from, each with the digest it was activated with ("" for any): the active
    one first, then those before it, for when it cannot be loaded. None that was withdrawn, but for
    settings.MODEL_FOLDER: where nothing else is left, answers that are marked as recalled are more
    than none."""
    folders = _folders()
    trusted = ModelActivation.objects.newest_first().trusted()
    chosen = trusted.values_list("folder", "digest")[:20]
    known = [(folders[name], digest) for name, digest in chosen if name in folders]
    return [*dict.fromkeys(known), (settings.MODEL_FOLDER, "")]


def _folders() -> dict[str, Path]:
    """Folders by name; what lies in an earlier place hides what lies in a later one."""
    found: dict[str, Path] = {}
    for place in settings.MODEL_FOLDERS:
        for path in sorted(place.glob(f"*/{manifest.MANIFEST}")):
            if not path.parent.name.startswith("."):
                found.setdefault(path.parent.name, path.parent)
    found.setdefault(settings.MODEL_FOLDER.name, settings.MODEL_FOLDER)
    return found


def read(folder: Path) -> Installed:
    try:
        return Installed(folder, manifest.read(folder))
    except ManifestError as error:
        return Installed(folder, None, str(error))
