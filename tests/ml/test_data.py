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


def altered(npz, path, **arrays):
    with np.load(npz) as kept:
        np.savez(path, **{**dict(kept), **arrays})
    return path


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x_train": np.zeros((200, 3, 32, 32), np.uint8)}, r"x_train is \(200, 3, 32, 32\) uint8"),
        ({"x_train": np.zeros((200, 32, 32, 3))}, r"x_train is .* float64, and pictures are"),
        ({"x_test": np.zeros((60, 48, 48, 3), np.uint8)}, "x_test is"),
        ({"y_train": np.full(200, -1)}, "y_train holds the label -1; they go from 0 to 9"),
        ({"y_test": np.full(60, 10)}, "y_test holds the label 10"),
        ({"y_train": np.zeros(200)}, r"y_train is \(200,\) float64; a label is the number"),
        (
            {"x_train": np.zeros((9, 32, 32, 3), np.uint8), "y_train": np.zeros(9, np.uint8)},
            "x_train has 9 pictures; 10 are the fewest",
        ),
        (
            {"x_test": np.zeros((0, 32, 32, 3), np.uint8), "y_test": np.zeros(0, np.uint8)},
            "x_test has 0 pictures",
        ),
    ],
)
def test_pictures_and_labels_that_are_none_are_refused_by_name(tiny_npz, tmp_path, arrays, said):
    with pytest.raises(ValueError, match=said):
        data.load(altered(tiny_npz, tmp_path / "odd.npz", **arrays))


def test_an_empty_file_is_refused_by_name(tmp_path):
    (tmp_path / "empty.npz").touch()
    with pytest.raises(ValueError, match=r"empty\.npz is no \.npz with"):
        data.load(tmp_path / "empty.npz")


def test_where_nothing_can_be_downloaded_one_is_told_what_to_give_instead(monkeypatch):
    def fail() -> None:
        raise Exception("URL fetch failure: no route")  # as Keras does

    monkeypatch.setattr("keras.datasets.cifar10.load_data", fail)
    with pytest.raises(OSError, match=r"--data \(URL fetch failure: no route\)"):
        data.load()


def test_other_labels_are_known_by_their_hash_however_they_are_kept(tiny, tiny_npz, tmp_path):
    with np.load(tiny_npz) as kept:
        labels = kept["y_train"].astype(np.int64)
    same = data.load(altered(tiny_npz, tmp_path / "same.npz", y_train=labels))
    labels[0] = (labels[0] + 1) % 10
    other = data.load(altered(tiny_npz, tmp_path / "other.npz", y_train=labels))
    assert same.labels_sha256 == tiny.labels_sha256 != other.labels_sha256
    assert same.sha256 == tiny.sha256 == other.sha256
