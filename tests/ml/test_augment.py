"""What training does to pictures: as much as it says, and nothing else."""

import numpy as np
import pytest

from ml import augment, jpeg

RNG = np.random.default_rng
SETTINGS = {
    "jpeg_share": 0.5,
    "jpeg_quality": [60, 95],
    "zoom_share": 0.5,
    "zoom": [0.8, 1.2],
    "shift": 4,
    "cutout": 8,
}


def batch(n: int = 64) -> np.ndarray:
    return RNG(0).integers(0, 256, (n, 32, 32, 3), np.uint8)


def smooth(n: int) -> np.ndarray:
    """Pictures of large squares, as no noise is."""
    return np.repeat(np.repeat(RNG(0).integers(0, 256, (n, 4, 4, 3), np.uint8), 8, 1), 8, 2)


def test_only_the_chosen_are_mirrored():
    x, mirrored = batch(2), np.array([True, False])
    off = {**SETTINGS, "jpeg_share": 0, "zoom_share": 0, "shift": 0, "cutout": 0}
    out = augment.augment(x, mirrored, off, RNG(1)).shown
    assert (out[0] == x[0][:, ::-1]).all() and (out[1] == x[1]).all()


def test_a_shift_moves_each_image_by_at_most_four_pixels():
    x = batch(16)
    out = augment.shift(x, 4, RNG(1))
    padded = np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    for moved, wide in zip(out, padded, strict=True):
        windows = [wide[r : r + 32, c : c + 32] for r in range(9) for c in range(9)]
        assert any((moved == window).all() for window in windows)


def test_cutout_greys_one_square_of_at_most_eight_pixels():
    x = np.zeros((32, 32, 32, 3), np.uint8)
    hidden = (augment.cutout(x, 8, RNG(1)) == augment.GREY).all(axis=3)
    for mask in hidden:
        rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert 4 <= rows <= 8 and 4 <= columns <= 8
        assert mask.sum() == rows * columns


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_about_its_share_of_the_pictures_goes_through_jpeg(share):
    x = batch(200)
    out = augment.through_jpeg(x, share, (60, 95), RNG(1))
    changed = (out != x).any(axis=(1, 2, 3)).mean()
    assert changed == pytest.approx(share, abs=0.12)


def test_jpeg_changes_pixels_but_not_the_picture():
    x = smooth(4)
    out = augment.through_jpeg(x, 1.0, (60, 95), RNG(1))
    assert 0 < np.abs(out.astype(int) - x).mean() < 12


def test_chroma_is_halved_as_the_web_halves_it():
    from io import BytesIO

    from PIL import Image, JpegImagePlugin

    picture = Image.open(BytesIO(jpeg.encoded(smooth(1)[0], 75)))
    assert JpegImagePlugin.get_sampling(picture) == 2


def test_a_zoom_shows_a_part_larger_or_the_whole_smaller_and_keeps_the_size():
    x = smooth(8)
    closer = augment.zoom(x, 1.0, (0.5, 0.5), RNG(1))
    farther = augment.zoom(x, 1.0, (1.25, 1.25), RNG(1))
    assert closer.shape == farther.shape == x.shape
    assert edges(closer) < min(edges(x), edges(farther))


def edges(x: np.ndarray) -> int:
    """How much the pixels differ from their neighbours, all in all."""
    return int(np.abs(np.diff(x.astype(int), axis=2)).sum())


def test_no_share_is_no_zoom():
    assert (augment.zoom(batch(4), 0.0, (0.5, 1.5), RNG(1)) == batch(4)).all()


def test_augmentation_is_decided_by_its_seed():
    x, mirrored = batch(), np.zeros(64, bool)
    first = augment.augment(x, mirrored, SETTINGS, RNG((1, 2, 3))).shown
    assert (first == augment.augment(x, mirrored, SETTINGS, RNG((1, 2, 3))).shown).all()
    assert (first != augment.augment(x, mirrored, SETTINGS, RNG((1, 2, 4))).shown).any()
    assert first.dtype == np.uint8 and first.shape == x.shape


def test_a_teacher_sees_what_the_student_sees():
    student, teacher, *_ = augment.augment(batch(), np.zeros(64, bool), SETTINGS, RNG(1))
    assert (student == teacher).all()


ALL_THROUGH_JPEG_LAST = {**SETTINGS, "jpeg_share": 1, "jpeg_quality": [75, 75], "jpeg_last": True}


def test_a_teacher_sees_pictures_before_a_jpeg_that_comes_last():
    x, mirrored = smooth(8), np.arange(8) % 2 == 0
    student, teacher, *_ = augment.augment(x, mirrored, ALL_THROUGH_JPEG_LAST, RNG(1))
    saved = np.stack([jpeg.decoded(jpeg.encoded(picture, 75)) for picture in teacher])
    assert (student == saved).all() and (student != teacher).any()


def test_before_a_jpeg_that_comes_last_all_else_is_done():
    """The teacher's pictures are those that a recipe without JPEG makes."""
    x, mirrored = smooth(8), np.ones(8, bool)
    teacher = augment.augment(x, mirrored, ALL_THROUGH_JPEG_LAST, RNG(1)).before_jpeg
    without = {**SETTINGS, "jpeg_share": 0, "jpeg_last": True}
    assert (teacher == augment.augment(x, mirrored, without, RNG(1)).shown).all()


def test_a_picture_made_smaller_is_the_same_picture_in_fewer_pixels():
    small = augment.shrink(smooth(4), 24)
    assert small.shape == (4, 24, 24, 3) and small.dtype == np.uint8
    assert small.mean(axis=(1, 2)) == pytest.approx(smooth(4).mean(axis=(1, 2)), abs=2)


# Mixtures


def plain(n: int) -> np.ndarray:
    """Picture i is all of colour i."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 32, 32, 3))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_about_its_share_of_the_pictures_shows_a_part_of_another(share):
    _mixed, partners, own = augment.cutmix(plain(250), share, RNG(1))
    assert (partners != np.arange(250)).mean() == pytest.approx(share, abs=0.1)
    assert ((own < 1) <= (partners != np.arange(250))).all()


def test_a_mixture_is_one_picture_with_a_rectangle_of_the_other_at_its_place():
    x = RNG(3).integers(0, 256, (64, 32, 32, 3), np.uint8)
    mixed, partners, own = augment.cutmix(x, 1.0, RNG(1))
    for picture, mine, other, share in zip(mixed, x, x[partners], own, strict=True):
        taken = (picture != mine).any(axis=2)
        assert (picture[taken] == other[taken]).all()
        rows, columns = taken.any(axis=1).sum(), taken.any(axis=0).sum()
        assert rows * columns == pytest.approx((1 - share) * 32 * 32, abs=32)


def test_how_much_is_its_own_is_what_is_seen_of_it_after_the_edge_has_cut():
    x = plain(200)
    mixed, _partners, own = augment.cutmix(x, 1.0, RNG(2))
    assert own == pytest.approx((mixed == x).mean(axis=(1, 2, 3)), abs=1e-9)
    assert own.min() < 0.3 and own.max() == 1 and 0.5 < own.mean() < 0.8


def test_a_mixture_is_made_before_a_jpeg_that_comes_last_and_seen_by_the_teacher():
    settings = {**ALL_THROUGH_JPEG_LAST, "cutmix_share": 1.0}
    made = augment.augment(smooth(8), np.zeros(8, bool), settings, RNG(1))
    whole = augment.augment(smooth(8), np.zeros(8, bool), ALL_THROUGH_JPEG_LAST, RNG(1))
    assert (made.before_jpeg != whole.before_jpeg).any()
    saved = np.stack([jpeg.decoded(jpeg.encoded(picture, 75)) for picture in made.before_jpeg])
    assert (made.shown == saved).all()


def test_without_mixtures_each_picture_is_its_own():
    made = augment.augment(batch(), np.zeros(64, bool), SETTINGS, RNG(1))
    assert (made.partners == np.arange(64)).all() and (made.own == 1).all()
