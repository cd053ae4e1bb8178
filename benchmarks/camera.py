"""Made-up photos as a phone saves them: 12 megapixels, baseline, halved chroma (4:2:0), EXIF
with an orientation and no thumbnail, 2 to 4 MB."""

import io

import numpy as np
from PIL import Image

SIZE = (4000, 3000)
ORIENTATIONS = (1, 6, 3, 8)  # EXIF: upright, and the three ways to hold a phone otherwise
MAKE, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112
OCTAVES = range(2, 10)  # details of 2**n by 2**n; each half as strong as the one before
NOISE = 12  # levels at most, of the sensor


def photo(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """Another picture for each seed, the same for the same one."""
    chance = np.random.default_rng(seed)
    exif = Image.Exif()
    exif[MAKE], exif[MODEL] = "Kadr", "Benchmark"
    exif[ORIENTATION] = ORIENTATIONS[seed % len(ORIENTATIONS)]
    out = io.BytesIO()
    _picture(chance, size).save(out, "JPEG", quality=90, subsampling="4:2:0", exif=exif)
    return out.getvalue()


def _picture(chance: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Clouds in colour, whose spectrum falls off as that of nature does, under a sensor's noise."""
    coarse = (size[0] // 4, size[1] // 4)
    shared = _clouds(chance, coarse)
    channels = [128 + 60 * shared + 25 * _clouds(chance, coarse) for _ in range(3)]
    clouds = np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(clouds).resize(size, Image.Resampling.BICUBIC), np.int16)
    noise = chance.integers(-NOISE, NOISE, smooth.shape, np.int8, endpoint=True)
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def _clouds(chance: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    total = np.zeros((size[1], size[0]), np.float32)
    for place, octave in enumerate(OCTAVES):
        coarse = Image.fromarray(chance.standard_normal((2**octave, 2**octave), np.float32))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) / 2**place
    return total
