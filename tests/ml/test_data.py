"""The data set: its split, its augmentation, and files that are none."""

import numpy as np
import pytest

from ml import data

RNG = np.random.default_rng


def batch(n: int = 64) -> np.ndarray:
    return RNG(0).integers(0, 256, (n, 32, 32, 3), np.uint8)


def test_the_validation_split_is_a_tenth_and_shares_nothing_with_training(tiny):
    assert (len(tiny.train), len(tiny.validation), len(tiny.test)) == (180, 20, 60)
    seen = {image.tobytes() for image in tiny.train.x}
    assert not seen & {image.tobytes() for image in tiny.validation.x}


def test_the_split_is_the_same_each_time(tiny, tiny_npz):
    assert (data.load(tiny_npz).validation.x == tiny.validation.x).all()


def test_a_file_without_the_arrays_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "odd.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"odd\.npz"):
        data.load(tmp_path / "odd.npz")


def test_a_file_that_is_no_npz_is_refused_by_name(tmp_path):
    (tmp_path / "odd.npz").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"odd\.npz"):
        data.load(tmp_path / "odd.npz")


def test_a_flip_mirrors_about_half_and_changes_nothing_else():
    x = batch()
    out = data.flip(x, RNG(1))
    mirrored = [(o == i[:, ::-1]).all() for o, i in zip(out, x, strict=True)]
    kept = [(o == i).all() for o, i in zip(out, x, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 16 < sum(mirrored) < 48


def test_a_shift_moves_each_image_by_at_most_four_pixels():
    x = batch(16)
    out = data.shift(x, RNG(1))
    padded = np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    for moved, wide in zip(out, padded, strict=True):
        windows = [wide[r : r + 32, c : c + 32] for r in range(9) for c in range(9)]
        assert any((moved == window).all() for window in windows)


def test_cutout_greys_one_square_of_at_most_eight_pixels():
    x = np.zeros((32, 32, 32, 3), np.uint8)
    hidden = (data.cutout(x, RNG(1)) == 121).all(axis=3)
    for mask in hidden:
        rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert 4 <= rows <= 8 and 4 <= columns <= 8
        assert mask.sum() == rows * columns


def test_augmentation_is_decided_by_its_seed():
    x = batch()
    first, again = data.augment(x, x, RNG((1, 2, 3))), data.augment(x, x, RNG((1, 2, 3)))
    assert (first == again).all()
    assert (first != data.augment(x, x, RNG((1, 2, 4)))).any()


def test_jpeg_changes_pixels_but_not_the_picture():
    x = np.repeat(np.repeat(RNG(0).integers(0, 256, (4, 4, 4, 3), np.uint8), 8, 1), 8, 2)
    out = data.through_jpeg(x, np.array([60, 75, 90, 95]))
    assert out.shape == x.shape
    assert 0 < np.abs(out.astype(int) - x).mean() < 12
