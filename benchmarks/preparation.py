"""What to do with a photo's long side: python -m benchmarks.preparation [MODEL] [--data DATA]

Validation pictures of CIFAR-10, enlarged eight times, stand for photos wider than tall: with the
thing in the middle (the photo goes on at both sides, mirrored), or with the thing as wide as the
photo (what is above and below is cut away). Prints how many are named right of each, prepared in
three ways, of which ml/preprocess.py takes the first. They say nothing of filters: there is no
detail in them that is finer than what the network sees.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.report import say
from ml import cli, data, manifest, preprocess
from ml.runtime import Runtime

ENLARGED = 8  # times
RATIOS = {"4:3": 4 / 3, "16:9": 16 / 9}
GREY = (128, 128, 128)
Prepared = Callable[[Image.Image, int], Image.Image]
Resampling = Image.Resampling


def central_square(photo: Image.Image, size: int) -> Image.Image:
    return Image.fromarray(preprocess.from_image(photo, size))


def squeezed(photo: Image.Image, size: int) -> Image.Image:
    return photo.resize((size, size), Resampling.BOX)


def on_grey(photo: Image.Image, size: int) -> Image.Image:
    return ImageOps.pad(photo, (size, size), Resampling.BOX, color=GREY)


LONG_SIDES: dict[str, Prepared] = {
    "central square": central_square,
    "squeezed to a square": squeezed,
    "whole, on grey": on_grey,
}


def thing_in_the_middle(photo: np.ndarray, ratio: float) -> np.ndarray:
    """The photo (s, s, 3) goes on at both sides, mirrored: (s, s * ratio, 3)."""
    more = round(len(photo) * (ratio - 1) / 2)
    return np.pad(photo, ((0, 0), (more, more), (0, 0)), mode="symmetric")


def thing_as_wide_as_the_photo(photo: np.ndarray, ratio: float) -> np.ndarray:
    """Without what is above and below: (s / ratio, s, 3)."""
    less = round(len(photo) * (1 - 1 / ratio) / 2)
    return photo[less : len(photo) - less]


SCENES = (thing_in_the_middle, thing_as_wide_as_the_photo)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preparation", description=__doc__.split(":")[0]
    )
    parser.add_argument("model", nargs="?", type=Path, default=manifest.DEFAULT)
    parser.add_argument("--data", type=Path, help=cli.DATA_HELP)
    parser.add_argument("--pictures", type=int, default=2000)
    asked = parser.parse_args()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        runtime, dataset = Runtime.load(asked.model), data.load(asked.data)
        dataset.check_classes(runtime.classes, asked.model)
    split = dataset.validation
    chosen = data.Labelled(split.x[: asked.pictures], split.y[: asked.pictures])
    say(f"{runtime.id}, {len(chosen)} pictures")
    for (scene, ratio, way), share in long_sides(runtime, chosen).items():
        say(f"{ratio}, {scene.replace('_', ' ')}, {way}: {share:.1%}")


def long_sides(runtime: Runtime, split: data.Labelled) -> dict[tuple[str, str, str], float]:
    """The share that is named right, by where the thing is, the photo's sides and the way."""
    found = {}
    for scene in SCENES:
        for sides, ratio in RATIOS.items():
            photos = [scene(_enlarged(x), ratio) for x in split.x]
            for way, prepared in LONG_SIDES.items():
                found[scene.__name__, sides, way] = _right(runtime, photos, split.y, prepared)
    return found


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    side = ENLARGED * len(pixels)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Resampling.BICUBIC))


def _right(runtime: Runtime, photos: list[np.ndarray], labels: np.ndarray, way: Prepared) -> float:
    size = runtime.manifest.input_size
    inputs = np.stack([np.asarray(way(Image.fromarray(photo), size)) for photo in photos])
    answers = runtime.predict(inputs).probabilities.argmax(axis=1)
    return float((answers == labels).mean())


if __name__ == "__main__":
    main()
