"""One's own classes: a folder with a sub-folder of JPEGs for each, as ImageFolder has it.

    photos/cat/1.jpg   photos/cat/2.jpg   photos/dog/1.jpg   …

A file classes.json, [{"id": "cat", "uk": "кіт", "en": "cat"}, …], may give the classes names in
both languages; without it a class is called as its folder is. Files and folders whose names begin
with "." or "@" are let be: there programs keep thumbnails, which are smaller copies.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps
from rich.progress import track

from ml import preprocess
from ml.data import SIZE, Dataset, Labelled, digest

NAMES = "classes.json"
HIDDEN = (".", "@")
JPEGS = {".jpg", ".jpeg", ".jpe", ".jfif"}
OTHER_PICTURES = {".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif"}
FEWEST = 10  # different pictures of a class: eight to train on, one to choose on, one to test on


def load(folder: Path) -> Dataset:
    """Read the folder. Raises ValueError that names the class or the file which is not right."""
    files = {name: _pictures(folder / name) for name in _class_folders(folder)}
    digests = {file: _sha256(file) for of_class in files.values() for file in of_class}
    _refuse_few(folder, files, digests)
    _refuse_contradictions(files, digests)
    splits: dict[str, list[tuple[Path, int]]] = {"train": [], "validation": [], "test": []}
    for label, of_class in enumerate(files.values()):
        for split, chosen in _split(of_class, digests).items():
            splits[split] += [(file, label) for file in chosen]
    parts = {name: _read(pairs, name) for name, pairs in splits.items()}
    return Dataset(
        name=folder.resolve().name,
        classes=_names(folder, list(files)),
        sha256=digest(*(part.x for part in parts.values())),
        **parts,
    )


def _class_folders(folder: Path) -> list[str]:
    folders = (p.name for p in folder.iterdir() if p.is_dir())
    names = sorted(name for name in folders if not name.startswith(HIDDEN))
    if len(names) < 2:
        raise ValueError(
            f"{folder} has {len(names)} sub-folders; it needs one for each class, two at the least"
        )
    return names


def _pictures(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not _is_hidden(p, folder))
    if other := [p for p in files if p.suffix.lower() in OTHER_PICTURES]:
        raise ValueError(f"{other[0]} is no JPEG: save it as one, or move it away")
    return [p for p in files if p.suffix.lower() in JPEGS]


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(HIDDEN) for part in file.relative_to(folder).parts)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _refuse_few(folder: Path, files: dict[str, list[Path]], digests: dict[Path, str]) -> None:
    """Copies of one picture count once, as they do in the splits."""
    for name, of_class in files.items():
        different = len({digests[file] for file in of_class})
        if different < FEWEST:
            copies = f", {different} of them different" if different < len(of_class) else ""
            raise ValueError(
                f"the class {name!r} has {len(of_class)} JPEGs{copies} in {folder / name}; "
                f"it needs {FEWEST} at the least"
            )


def _refuse_contradictions(files: dict[str, list[Path]], digests: dict[Path, str]) -> None:
    """The same picture in two classes would teach, and test, that both are right."""
    seen: dict[str, tuple[str, Path]] = {}
    for name, of_class in files.items():
        for file in of_class:
            other, first = seen.setdefault(digests[file], (name, file))
            if other != name:
                raise ValueError(f"{file} and {first} are the same picture in two classes")


def _split(files: list[Path], digests: dict[Path, str]) -> dict[str, list[Path]]:
    """A tenth to test on and a tenth to choose on, by the order of the files' hashes, so that the
    same folder is split the same each time, whatever its files are called; copies of one picture
    count once. A folder that has grown is split anew."""
    ranked = sorted({digests[file]: file for file in files}.items())
    once = [file for _digest, file in ranked]
    tenth = max(1, len(once) // 10)
    return {
        "test": once[:tenth],
        "validation": once[tenth : 2 * tenth],
        "train": once[2 * tenth :],
    }


def _read(pairs: list[tuple[Path, int]], title: str) -> Labelled:
    images = []
    for file, _label in track(pairs, description=f"Reading {title}", transient=True):
        try:
            images.append(_upright(file.read_bytes()))
        except preprocess.UnreadableImage as error:
            raise ValueError(f"{file} is damaged or no JPEG: {error}") from error
    return Labelled(np.stack(images), np.array([label for _file, label in pairs], np.uint16))


def _upright(content: bytes) -> np.ndarray:
    """As serving sees it, whose previews are turned as EXIF says. Raises UnreadableImage."""
    picture = Image.fromarray(preprocess.decode(content))
    picture.getexif()[ExifTags.Base.Orientation] = _orientation(content)
    return preprocess.from_image(ImageOps.exif_transpose(picture), SIZE)


def _orientation(content: bytes) -> int:
    """1 to 8; 1, which is upright, where there is none or it makes no sense."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
            return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except (*preprocess.DAMAGE, ArithmeticError, AttributeError):
        return 1
    except Image.DecompressionBombError as error:
        raise preprocess.UnreadableImage(str(error)) from error


def _names(folder: Path, ids: list[str]) -> tuple[dict[str, str], ...]:
    path = folder / NAMES
    given = {}
    if path.exists():
        try:
            given = {str(c["id"]): _texts(c) for c in _json(path)}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no list of {{"id", "uk", "en"}}: {error}') from error
    if unknown := sorted(set(given) - set(ids)):
        raise ValueError(f"{path} names {unknown[0]!r}, for which there is no folder")
    return tuple(given.get(id_, {"id": id_, "uk": id_, "en": id_}) for id_ in ids)


def _texts(of_class: dict[str, str]) -> dict[str, str]:
    named = {name: of_class[name] for name in ("id", "uk", "en")}
    if odd := [value for value in named.values() if not isinstance(value, str) or not value]:
        raise ValueError(f"{odd[0]!r} is no name")
    return named


def _json(path: Path) -> list[dict[str, str]]:
    content: list[dict[str, str]] = json.loads(path.read_text())
    return content
