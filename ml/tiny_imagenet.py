"""Pictures of CIFAR-10's classes out of Tiny ImageNet: python -m ml.tiny_imagenet FOLDER OUT.npz

FOLDER is tiny-imagenet-200 as cs231n.stanford.edu hands it out: photos of 64x64, 500 of each of 200
synsets of ImageNet, with a box around what each is called after. Each becomes the square around its
box at 32x32, which is how CIFAR-10 shows things. There are no airplanes, deer and horses in it.
Photos that look like a picture of CIFAR-10 that a model is measured on are left out.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ml import cli, data, manifest
from ml.data import CIFAR10_CLASSES, SIZE
from ml.lookalikes import ALIKE, Lookalikes

SYNSETS = {
    "automobile": ("n02814533", "n03100240", "n03670208", "n04285008"),
    "bird": ("n01855672", "n02002724", "n02056570", "n02058221"),
    "cat": ("n02123045", "n02123394", "n02124075"),
    "dog": ("n02085620", "n02094433", "n02099601", "n02099712", "n02106662", "n02113799"),
    "frog": ("n01641577", "n01644900"),
    "ship": ("n03662601",),  # lifeboats; on most photos of gondolas no boat is to be made out
    "truck": ("n03796401",),
}
PHOTO = 64  # pixels a side
MOST = 1500  # of a class, or a network would rather say dog than horse
MARGIN = 1.1  # of the square, in sides of the box
# Photos that are in CIFAR-10 as well, found by eye where the comparison does not see it.
FOUND_BY_EYE = (
    "n01644900_336.JPEG",
    "n01644900_457.JPEG",
    "n02085620_357.JPEG",
    "n03796401_316.JPEG",
)
NAMES = {"train": "Tiny ImageNet", "val": "Tiny ImageNet, validation"}  # by split
SPLIT_HELP = "train to learn from, val to measure on (default: train)"
DATA_HELP = "CIFAR-10 as an .npz (default: downloaded by Keras)"

Box = tuple[int, int, int, int]  # left, top, right and bottom, in pixels, the last ones included


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        dataset = data.load(args.data)
        parts = [dataset.validation, dataset.test]
        if args.split == "val":  # they are to measure on, so they are to be new altogether
            parts.append(dataset.train)
        known = Lookalikes(np.concatenate([part.x for part in parts]))
        x, y, left_out = read(args.folder, args.split, known)
        ids = [c["id"] for c in CIFAR10_CLASSES]
        with manifest.whole(args.out) as partial, partial.open("wb") as out:
            np.savez(out, x=x, y=y, name=NAMES[args.split], classes=ids)
    print(
        f"Wrote {args.out}: {len(x)} pictures; {left_out} are left out, which look like the set's"
    )


def read(
    folder: Path, split: str = "train", known: Lookalikes | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Pictures (n, 32, 32, 3) uint8 and the places of their classes (n,) uint8, of "train" or
    "val", at most `MOST` of a class, and how many were left out because they look like a `known`
    picture. Raises OSError or ValueError where one cannot be read."""
    rng = np.random.default_rng(0)
    pictures, labels, left_out = [], [], 0
    found = _boxes(folder, split)
    for place, one in enumerate(CIFAR10_CLASSES):
        boxes = [box for s in SYNSETS.get(one["id"], ()) for box in found.get(s, [])]
        photos = [_photo(file) for file, _box in boxes]
        squares = [_square(photo, box) for photo, (_file, box) in zip(photos, boxes, strict=True)]
        if known and squares:
            likeness = np.maximum(known.likeness(photos), known.likeness(squares))
            seen = [file.name in FOUND_BY_EYE for file, _box in boxes]
            new = np.flatnonzero((likeness < ALIKE) & ~np.array(seen))
        else:
            new = np.arange(len(squares))
        left_out += len(squares) - len(new)
        chosen = sorted(rng.permutation(new)[:MOST])
        pictures += [np.asarray(squares[i]) for i in chosen]
        labels += [place] * len(chosen)
    if not pictures:
        raise ValueError(f"{folder} holds no photo of these classes")
    return np.stack(pictures), np.array(labels, np.uint8), left_out


def _boxes(folder: Path, split: str) -> dict[str, list[tuple[Path, Box]]]:
    """The photos by synset, each with the box of what it shows."""
    found: dict[str, list[tuple[Path, Box]]] = {}
    if split == "train":
        for synset in (s for synsets in SYNSETS.values() for s in synsets):
            where = folder / "train" / synset
            rows = _rows(where / f"{synset}_boxes.txt", columns=5)
            found[synset] = [_box(where, row) for row in rows]
        return found
    for name, synset, *box in _rows(folder / "val" / "val_annotations.txt", columns=6):
        found.setdefault(synset, []).append(_box(folder / "val", [name, *box]))
    return found


def _rows(path: Path, columns: int) -> list[list[str]]:
    """Raises ValueError for a line that does not end in a box within a photo."""
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    for row in rows:
        if len(row) != columns or not all(word.isdecimal() for word in row[-4:]):
            raise ValueError(f"{path}: no box in {' '.join(row)!r}")
        left, top, right, bottom = map(int, row[-4:])
        if not (left <= right < PHOTO and top <= bottom < PHOTO):
            raise ValueError(f"{path}: the box in {' '.join(row)!r} is in no photo")
    return rows


def _box(where: Path, row: list[str]) -> tuple[Path, Box]:
    name, left, top, right, bottom = row
    return where / "images" / name, (int(left), int(top), int(right), int(bottom))


def _photo(file: Path) -> Image.Image:
    """Raises OSError or ValueError with its name where it is damaged or of another size."""
    try:
        with Image.open(file) as photo:
            whole = photo.convert("RGB")
    except OSError as error:
        raise OSError(f"{file} is damaged or no photo: {error}") from error
    if whole.size != (PHOTO, PHOTO):
        raise ValueError(
            f"{file} is of {whole.width}x{whole.height} pixels, and not {PHOTO}x{PHOTO}"
        )
    return whole


def _square(photo: Image.Image, box: Box) -> Image.Image:
    """The square around the box at 32x32, as much of it as the photo holds."""
    left, top, right, bottom = box
    side = min(max(right - left + 1, bottom - top + 1) * MARGIN, PHOTO)
    x = min(max((left + right + 1 - side) / 2, 0), PHOTO - side)
    y = min(max((top + bottom + 1 - side) / 2, 0), PHOTO - side)
    seen = (x, y, x + side, y + side)
    return photo.resize((SIZE, SIZE), Image.Resampling.BICUBIC, seen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ml.tiny_imagenet", description=__doc__.split(":")[0]
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="tiny-imagenet-200, unpacked")
    parser.add_argument(
        "out",
        type=cli.npz_to_write,
        metavar="OUT.npz",
        help="for --extra of ml.train or ml.evaluate",
    )
    parser.add_argument("--data", type=Path, help=DATA_HELP)
    parser.add_argument("--split", choices=[*NAMES], default="train", help=SPLIT_HELP)
    return parser.parse_args()


if __name__ == "__main__":
    main()
