"""Pictures of none of the classes, by kind, to choose and to measure the off-topic score with.

`CHOOSE_ON` and `REPORT_ON` share no kind: what a score was chosen on says nothing about it. All
are made here from a seed, or cut from photos that scikit-image and scikit-learn ship. Each kind is
(n, size, size, 3) uint8.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Maker = Callable[[np.random.Generator, int, int], np.ndarray]


def make(kinds: dict[str, Maker], n: int, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """n pictures of each kind."""
    return {name: maker(np.random.default_rng(seed), n, size) for name, maker in kinds.items()}


def noise(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Independent pixels: uniform, Gaussian, or a few of them black and white."""
    uniform = rng.integers(0, 256, (n, size, size, 3))
    centre, spread = rng.uniform(40, 216, (n, 1, 1, 3)), rng.uniform(10, 80, (n, 1, 1, 1))
    gaussian = centre + spread * rng.normal(size=uniform.shape)
    salted = np.where(rng.random((n, size, size, 1)) < 0.2, 255 * (uniform > 127), centre)
    which = rng.integers(0, 3, (n, 1, 1, 1))
    return _bytes(np.choose(which, [uniform, gaussian, salted]))


def textures(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Stripes, checks, waves and clouds in two colours."""
    return np.stack([_texture(rng, size) for _ in range(n)])


def drawings(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Lines, figures and letters on a plain ground, drawn large and scaled down."""
    return np.stack([_drawing(rng, size) for _ in range(n)])


def blobs(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Noise blurred to soft spots of colour."""
    return np.stack([_blob(rng, size) for _ in range(n)])


def plain(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """One colour, or one colour running into another."""
    first, second = rng.integers(0, 256, (2, n, 1, 1, 3))
    second = np.where(rng.random((n, 1, 1, 1)) < 0.3, first, second)
    slope = np.linspace(0, 1, size)
    across = np.where(
        rng.random((n, 1, 1, 1)) < 0.5, slope[None, None, :, None], slope[:, None, None]
    )
    return _bytes(first + (second - first) * across)


def package_photos(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Whole photos of other things, slightly cropped: coffee, coins, a rocket, people, cloth."""
    return _crops(rng, _photos(), n, size, least=0.8)


def crops(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Details of the same photos, a tenth to four tenths of their side, as small as CIFAR-10's."""
    return _crops(rng, _photos(), n, size, least=0.1, most=0.4)


def faces(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Grey faces of 25 pixels a side (scikit-image's excerpt of Labeled Faces in the Wild)."""
    from skimage.data import lfw_subset

    found = [_bytes(255 * face) for face in lfw_subset()[:100]]
    return np.stack([_resized(found[i % len(found)], size) for i in range(n)])


def digits(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Handwritten digits of 8 pixels a side (scikit-learn's excerpt of Optdigits)."""
    from sklearn.datasets import load_digits

    found = load_digits().images
    chosen = rng.choice(len(found), n, replace=n > len(found))
    return np.stack([_resized(_bytes(255 - 255 * found[i] / 16), size) for i in chosen])


CHOOSE_ON: dict[str, Maker] = {"blobs": blobs, "plain": plain, "digits": digits}
REPORT_ON: dict[str, Maker] = {
    "textures": textures,
    "noise": noise,
    "drawings": drawings,
    "photos": package_photos,
    "crops": crops,
    "faces": faces,
}
# How many different pictures a kind is cut or copied from, where they are not made one by one.
DIFFERENT = {"photos": 16, "crops": 16, "faces": 100}


def mosaics(x: np.ndarray, rng: np.random.Generator, tiles: int = 4) -> np.ndarray:
    """Pictures cut into tiles and put together at random: known textures, unknown things."""
    n, size, _, channels = x.shape
    side = size // tiles
    cut = x[:, : side * tiles, : side * tiles].reshape(n, tiles, side, tiles, side, channels)
    cut = cut.transpose(0, 1, 3, 2, 4, 5).reshape(n, tiles * tiles, side, side, channels)
    order = rng.permuted(np.tile(np.arange(tiles * tiles), (n, 1)), axis=1)
    cut = np.take_along_axis(cut, order[:, :, None, None, None], axis=1)
    cut = cut.reshape(n, tiles, tiles, side, side, channels).transpose(0, 1, 3, 2, 4, 5)
    return cut.reshape(n, side * tiles, side * tiles, channels)


def blends(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each picture laid half transparent over one of another class."""
    other = rng.permutation(len(x))
    differ = y != y[other]
    return _bytes((x[differ].astype(float) + x[other][differ]) / 2)


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    rows, columns = np.mgrid[0:size, 0:size] / size
    angle, cycles = rng.uniform(0, np.pi), rng.uniform(2, 10)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    across = np.cos(angle) * columns - np.sin(angle) * rows
    wave = np.sin(2 * np.pi * cycles * along)
    pattern = {
        0: wave > 0,
        1: (wave > 0) ^ (np.sin(2 * np.pi * cycles * across) > 0),
        2: (wave + 1) / 2,
        3: _clouds(rng, size),
    }[int(rng.integers(0, 4))]
    first, second = rng.integers(0, 256, (2, 3))
    grain = rng.normal(0, rng.uniform(0, 12), (size, size, 3))
    return _bytes(first + (second - first) * np.float64(pattern)[..., None] + grain)


def _clouds(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise of several scales, the coarser the stronger, in 0 to 1."""
    total = np.zeros((size, size))
    for cells in (2, 4, 8, 16):
        coarse = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        total += np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)) / cells
    return (total - total.min()) / np.ptp(total)


def _drawing(rng: np.random.Generator, size: int) -> np.ndarray:
    large = 8 * size
    ground = tuple(int(v) for v in rng.integers(160, 256, 3))
    picture = Image.new("RGB", (large, large), ground)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 6))):
        color = tuple(int(v) for v in rng.integers(0, 200, 3))
        x, y = np.sort(rng.integers(0, large, (2, 2)), axis=1) + np.array([0, 8])
        box, width = (int(x[0]), int(y[0]), int(x[1]), int(y[1])), int(rng.integers(4, 24))
        match int(rng.integers(0, 4)):
            case 0:
                pen.line(box, color, width)
            case 1:
                pen.ellipse(box, None if width < 14 else color, color, width)
            case 2:
                pen.rectangle(box, None if width < 14 else color, color, width)
            case _:
                letter = chr(int(rng.integers(ord("A"), ord("Z") + 1)))
                pen.text(box[:2], letter, color, font_size=int(rng.integers(60, 200)))
    return _resized(np.asarray(picture), size)


def _blob(rng: np.random.Generator, size: int) -> np.ndarray:
    noise_ = Image.fromarray(rng.integers(0, 256, (4 * size, 4 * size, 3), np.uint8))
    blurred = np.asarray(noise_.filter(ImageFilter.GaussianBlur(rng.uniform(4, 24))), float)
    blurred = (blurred - blurred.min()) / max(np.ptp(blurred), 1)
    return _resized(_bytes(255 * blurred), size)


def _photos() -> list[Image.Image]:
    """Photos of things that CIFAR-10 has no class for, as the packages ship them."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    names = ("astronaut", "camera", "coffee", "coins", "moon", "page", "rocket", "text")
    surfaces = ("brick", "grass", "gravel", "hubble_deep_field", "immunohistochemistry", "retina")
    arrays = [getattr(data, name)() for name in (*names, *surfaces)]
    return [Image.fromarray(a).convert("RGB") for a in (*arrays, *load_sample_images().images)]


def _crops(
    rng: np.random.Generator,
    photos: list[Image.Image],
    n: int,
    size: int,
    least: float,
    most: float = 1.0,
) -> np.ndarray:
    out = []
    for i in range(n):
        photo = photos[i % len(photos)]
        side = int(min(photo.size) * rng.uniform(least, most))
        left, top = (int(rng.integers(0, extent - side + 1)) for extent in photo.size)
        square = photo.crop((left, top, left + side, top + side))
        out.append(np.asarray(square.resize((size, size), Image.Resampling.BOX)))
    return np.stack(out)


def _resized(pixels: np.ndarray, size: int) -> np.ndarray:
    picture = Image.fromarray(pixels).convert("RGB")
    filter_ = Image.Resampling.BOX if picture.width > size else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((size, size), filter_))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.asarray(values).clip(0, 255).astype(np.uint8)
