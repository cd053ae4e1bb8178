"""A photo is known again when it is in a set already, also cut otherwise, mirrored or saved."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data as photographs

from ml import lookalikes
from ml.lookalikes import ALIKE, Lookalikes

NAMES = ("astronaut", "chelsea", "coffee", "rocket", "retina", "immunohistochemistry")


def photo(name, side=64):
    image = Image.fromarray(getattr(photographs, name)())
    least = min(image.size)
    return image.crop((0, 0, least, least)).resize((side, side), Image.Resampling.BOX)


def small(image):
    return np.asarray(image.resize((32, 32), Image.Resampling.BOX))


def likeness(image, *known):
    return float(Lookalikes(np.stack(known)).likeness([image])[0])


@pytest.fixture(scope="module")
def cat():
    return photo("chelsea")


def test_a_photo_that_is_in_the_set_is_alike(cat):
    assert likeness(cat, small(cat)) > 0.95


def test_so_is_one_that_is_mirrored_there(cat):
    assert likeness(cat, small(cat)[:, ::-1]) > 0.95


@pytest.mark.parametrize("corner", [(0, 0), (8, 0), (0, 8), (8, 8), (4, 4)])
def test_so_is_one_of_which_the_set_has_a_part(cat, corner):
    x, y = corner
    part = small(cat.crop((x, y, x + 56, y + 56)))
    assert likeness(cat, part) > 0.9


def test_so_is_one_that_was_saved_as_jpeg_and_made_lighter_since(cat):
    saved = io.BytesIO()
    cat.save(saved, "JPEG", quality=60)
    lighter = Image.open(saved).point(lambda value: min(255, int(value * 1.1) + 10))
    assert likeness(cat, small(lighter.convert("RGB"))) > 0.85


@pytest.mark.parametrize("name", NAMES)
def test_another_photo_is_not_alike(name):
    others = [small(photo(other)) for other in NAMES if other != name]
    assert likeness(photo(name), *others) < ALIKE


def test_two_skies_are_not_taken_for_one():
    def sky(brightness):
        fading = np.linspace(1, 0.7, 32)[:, None, None] * np.array([0.6, 0.8, 1]) * brightness
        noise = np.random.default_rng(int(brightness)).normal(0, 2, (32, 32, 3))
        return (np.broadcast_to(fading, (32, 32, 3)) + noise).clip(0, 255).astype(np.uint8)

    assert likeness(Image.fromarray(sky(220)), sky(180)) < ALIKE


def test_of_many_the_likest_counts_whatever_its_place(cat, monkeypatch):
    monkeypatch.setattr(lookalikes, "PART", 4)
    rng = np.random.default_rng(5)
    known = rng.integers(0, 256, (20, 32, 32, 3), np.uint8)
    known[17] = small(cat)
    photos = [Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(11)]
    photos[9] = cat
    found = Lookalikes(known).likeness(photos)
    assert found[9] > 0.95 and (np.delete(found, 9) < ALIKE).all()


def test_photos_of_any_size_are_compared(cat):
    assert likeness(photo("chelsea", 32), small(cat)) > 0.9
    assert likeness(photo("chelsea", 256), small(cat)) > 0.9
