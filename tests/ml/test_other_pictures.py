"""Pictures of other things: of every kind, all different, the same for the same seed."""

import numpy as np
import pytest

from ml import other_pictures

KINDS = {**other_pictures.CHOOSE_ON, **other_pictures.REPORT_ON}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_gives_as_many_different_pictures_as_asked(kind):
    (made,) = other_pictures.make({kind: KINDS[kind]}, 30, 32).values()
    assert made.shape == (30, 32, 32, 3) and made.dtype == np.uint8
    assert len({picture.tobytes() for picture in made}) >= 28


@pytest.mark.parametrize("kind", ["textures", "noise", "drawings", "crops"])
def test_a_seed_decides_them(kind):
    first = other_pictures.make({kind: KINDS[kind]}, 5, 32, seed=1)[kind]
    assert (first == other_pictures.make({kind: KINDS[kind]}, 5, 32, seed=1)[kind]).all()
    assert (first != other_pictures.make({kind: KINDS[kind]}, 5, 32, seed=2)[kind]).any()


def test_what_a_score_is_chosen_on_it_is_not_reported_on():
    assert not set(other_pictures.CHOOSE_ON) & set(other_pictures.REPORT_ON)


def test_a_mosaic_has_the_same_pixels_in_other_places():
    x = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    out = other_pictures.mosaics(x, np.random.default_rng(1))
    assert (np.sort(out.ravel()) == np.sort(x.ravel())).all() and (out != x).any()


def test_blends_are_of_two_classes():
    x = np.stack([np.full((8, 8, 3), v, np.uint8) for v in (0, 100, 200, 250)])
    out = other_pictures.blends(x, np.array([0, 0, 1, 1]), np.random.default_rng(3))
    assert {int(picture[0, 0, 0]) for picture in out} <= {100, 125, 150, 175}
