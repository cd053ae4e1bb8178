"""The data set: its splits, and files that are none."""

import numpy as np
import pytest

from ml import data


def test_the_validation_split_is_a_tenth_and_shares_nothing_with_training(tiny):
    assert (len(tiny.train), len(tiny.validation), len(tiny.test)) == (180, 20, 60)
    seen = {image.tobytes() for image in tiny.train.x}
    assert not seen & {image.tobytes() for image in tiny.validation.x}


def test_the_split_is_the_same_each_time(tiny, tiny_npz):
    assert (data.load(tiny_npz).validation.x == tiny.validation.x).all()


def test_labels_may_be_a_column_as_keras_has_them(tiny, tiny_npz, tmp_path):
    with np.load(tiny_npz) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    for name in ("y_train", "y_test"):
        columns[name] = columns[name][:, None]
    np.savez(tmp_path / "columns.npz", **columns)
    read = data.load(tmp_path / "columns.npz")
    assert read.sha256 == tiny.sha256
    for part in ("train", "validation", "test"):
        assert (getattr(read, part).y == getattr(tiny, part).y).all()
        assert getattr(read, part).y.shape == getattr(tiny, part).y.shape


def test_a_file_without_the_arrays_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "odd.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"odd\.npz"):
        data.load(tmp_path / "odd.npz")


def test_labels_that_are_no_numbers_of_classes_are_refused(tiny_npz, tmp_path):
    """One-hot ones, say: ten for each picture."""
    with np.load(tiny_npz) as arrays:
        kept = dict(arrays)
    kept["y_train"] = np.eye(10, dtype=np.uint8)[kept["y_train"]]
    np.savez(tmp_path / "odd.npz", **kept)
    with pytest.raises(ValueError, match="each picture has one"):
        data.load(tmp_path / "odd.npz")


def test_a_file_that_is_no_npz_is_refused_by_name(tmp_path):
    (tmp_path / "odd.npz").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"odd\.npz"):
        data.load(tmp_path / "odd.npz")


def test_it_says_how_often_each_class_occurs_in_training(tiny):
    shares = tiny.training_shares()
    assert list(shares) == [c["id"] for c in data.CIFAR10_CLASSES]
    assert sum(shares.values()) == pytest.approx(1, abs=0.001)
