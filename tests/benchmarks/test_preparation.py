"""The ways to prepare a photo wider than tall, on the smallest network that ships."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import preparation
from ml import data, manifest
from ml.runtime import Runtime


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime.load(manifest.MODELS / "airbench94")


@pytest.fixture(scope="module")
def few() -> data.Labelled:
    x = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    return data.Labelled(x, np.zeros(6, np.uint8))


def test_every_way_is_measured_on_every_photo(runtime, few):
    found = preparation.long_sides(runtime, few)
    assert len(found) == 2 * 2 * 3 and all(0 <= share <= 1 for share in found.values())


def test_a_photo_that_goes_on_at_both_sides_holds_the_picture_in_its_middle():
    picture = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    wide = preparation.thing_in_the_middle(picture, 4 / 3)
    assert wide.shape == (96, 128, 3)
    assert (wide[:, 16:112] == picture).all() and (wide[:, 15] == picture[:, 0]).all()


def test_a_photo_as_wide_as_the_thing_has_lost_what_was_above_and_below():
    picture = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    flat = preparation.thing_as_wide_as_the_photo(picture, 4 / 3)
    assert flat.shape == (72, 96, 3) and (flat == picture[12:84]).all()


def test_the_ways_differ_in_what_they_keep_of_a_wide_photo():
    photo = np.zeros((60, 80, 3), np.uint8)
    photo[:, :10] = photo[:, 70:] = 255  # white at both sides
    kept = {
        name: np.asarray(way(Image.fromarray(photo), 32))
        for name, way in preparation.LONG_SIDES.items()
    }
    assert (kept["central square"] == 0).all()
    assert (kept["squeezed to a square"][:, 0] == 255).all()
    assert (kept["whole, on grey"][0] == 128).all() and (kept["whole, on grey"][16, 0] == 255).all()
