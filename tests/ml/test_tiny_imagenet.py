"""Photos of Tiny ImageNet become pictures of CIFAR-10's classes."""

import sys

import numpy as np
import pytest
from PIL import Image

from ml import data, extra, tiny_imagenet
from ml.lookalikes import Lookalikes

IDS = [c["id"] for c in data.CIFAR10_CLASSES]
RED, BLUE = (250, 0, 0), (0, 0, 250)
BOX = (20, 8, 43, 31)  # 24 a side


def photo(folder, name, box=BOX, mode="RGB"):
    """Blue, with a red square in the box."""
    image = Image.new("RGB", (64, 64), BLUE)
    image.paste(RED, (box[0], box[1], box[2] + 1, box[3] + 1))
    folder.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(folder / name, "JPEG", quality=100, subsampling=0)


def line(name, *words):
    return "\t".join([name, *map(str, words)]) + "\n"


@pytest.fixture
def folder(tmp_path):
    """Two photos of each synset to train on; and of cats some more, to validate on."""
    root = tmp_path / "tiny-imagenet-200"
    for synsets in tiny_imagenet.SYNSETS.values():
        for synset in synsets:
            lines = ""
            for i in range(2):
                name = f"{synset}_{i}.JPEG"
                photo(root / "train" / synset / "images", name)
                lines += line(name, *BOX)
            (root / "train" / synset / f"{synset}_boxes.txt").write_text(lines)
    lines = ""
    for i, synset in enumerate(["n02123045", "n02123394", "n07873807"]):
        photo(root / "val" / "images", f"val_{i}.JPEG")
        lines += line(f"val_{i}.JPEG", synset, *BOX)
    (root / "val" / "val_annotations.txt").write_text(lines)
    return root


def test_each_photo_of_a_synset_becomes_a_picture_of_its_class(folder):
    x, y, _left_out = tiny_imagenet.read(folder)
    assert x.shape == (2 * sum(map(len, tiny_imagenet.SYNSETS.values())), 32, 32, 3)
    found = {IDS[place]: int(n) for place, n in enumerate(np.bincount(y, minlength=10)) if n}
    assert found == {name: 2 * len(s) for name, s in tiny_imagenet.SYNSETS.items()}


def test_a_picture_is_the_square_around_the_box(folder):
    x, *_rest = tiny_imagenet.read(folder)
    middle, edge = x[0, 4:-4, 4:-4].astype(int), x[0, :, 0].astype(int)
    assert np.abs(middle - RED).max() < 25, "the thing fills it"
    assert np.abs(edge - BLUE).max() < 90, "with a little of what is around"


def test_the_square_of_a_box_at_the_edge_stays_within_the_photo(folder):
    where = folder / "train" / "n02123045"
    for name in ("n02123045_0.JPEG", "n02123045_1.JPEG"):
        photo(where / "images", name, (40, 40, 63, 63))
    rows = [line(f"n02123045_{i}.JPEG", 40, 40, 63, 63) for i in range(2)]
    (where / "n02123045_boxes.txt").write_text("".join(rows))
    x, y, _left_out = tiny_imagenet.read(folder)
    cat = x[y == IDS.index("cat")][0].astype(int)
    assert np.abs(cat[-1, -1] - RED).max() < 25 and np.abs(cat[0, 0] - BLUE).max() < 25


def test_a_box_larger_than_the_photo_is_the_whole_of_it(folder):
    where = folder / "train" / "n03796401"
    rows = [line(f"n03796401_{i}.JPEG", 0, 0, 63, 63) for i in range(2)]
    (where / "n03796401_boxes.txt").write_text("".join(rows))
    x, y, _left_out = tiny_imagenet.read(folder)
    truck = x[y == IDS.index("truck")][0].astype(int)
    assert np.abs(truck[0, 0] - BLUE).max() < 25 and np.abs(truck[9, 15] - RED).max() < 60


def test_a_grey_photo_has_three_channels_as_well(folder):
    photo(folder / "train" / "n01641577" / "images", "n01641577_0.JPEG", mode="L")
    x, y, _left_out = tiny_imagenet.read(folder)
    frogs = x[y == IDS.index("frog")].astype(int)
    assert any(np.ptp(frog, axis=2).max() == 0 for frog in frogs)


def test_of_a_class_there_are_at_most_so_many_and_the_same_each_time(folder, monkeypatch):
    where = folder / "train" / "n02123045"
    for i in range(2, 12):
        photo(where / "images", f"n02123045_{i}.JPEG", (i, i, 3 * i, 3 * i))
    rows = [line(f"n02123045_{i}.JPEG", *BOX) for i in range(12)]
    (where / "n02123045_boxes.txt").write_text("".join(rows))
    monkeypatch.setattr(tiny_imagenet, "MOST", 3)
    x, y, _left_out = tiny_imagenet.read(folder)
    assert np.bincount(y).max() == 3
    again, labels, _left_out = tiny_imagenet.read(folder)
    assert (x == again).all() and (y == labels).all()
    assert len({one.tobytes() for one in x[y == IDS.index("cat")]}) > 1


def test_the_validation_split_has_its_own_photos_of_the_classes_alone(folder):
    x, y, _left_out = tiny_imagenet.read(folder, "val")
    assert y.tolist() == [IDS.index("cat")] * 2 and len(x) == 2


def run_command(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ml.tiny_imagenet", *map(str, words)])
    tiny_imagenet.main()


def test_the_command_writes_what_training_reads(folder, tiny_npz, tmp_path, monkeypatch, capsys):
    out = tmp_path / "tiny.npz"
    run_command(monkeypatch, folder, out, "--data", tiny_npz)
    read = extra.read(out)
    told = capsys.readouterr().out
    assert read.name == "Tiny ImageNet"
    assert f"{len(read.pictures)} pictures; 0 are left out" in told
    assert not list(tmp_path.glob("*partial*"))


def with_a_photo_in(split, npz, path, photo):
    """The set with a picture of the photo in a split, written to `path`."""
    with np.load(npz) as arrays:
        kept = dict(arrays)
    order = np.random.default_rng(0).permutation(len(kept["x_train"]))
    place = {"train": order[0], "validation": order[-1], "test": 7}[split]
    pictures = kept["x_test" if split == "test" else "x_train"]
    with Image.open(photo) as opened:
        pictures[place] = np.asarray(opened.convert("RGB").resize((32, 32), Image.Resampling.BOX))
    np.savez(path, **kept)
    part = getattr(data.load(path), split)
    assert any((one == pictures[place]).all() for one in part.x)
    return path


@pytest.mark.parametrize("split", ["test", "validation"])
def test_what_a_model_is_measured_on_is_left_out_and_counted(
    split, folder, tiny_npz, tmp_path, monkeypatch, capsys
):
    where = folder / "train" / "n03796401" / "images"
    noise = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)
    odd = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
    odd.save(where / "n03796401_0.JPEG", quality=95)
    path = with_a_photo_in(split, tiny_npz, tmp_path / "set.npz", where / "n03796401_0.JPEG")
    run_command(monkeypatch, folder, tmp_path / "out.npz", "--data", path)
    assert "; 1 are left out" in capsys.readouterr().out
    kept = extra.read(tmp_path / "out.npz").pictures
    everything, labels, none = tiny_imagenet.read(folder)
    assert none == 0 and len(kept) == len(everything) - 1
    trucks = [int((part == IDS.index("truck")).sum()) for part in (kept.y, labels)]
    assert trucks == [1, 2]


def test_photos_that_were_found_by_eye_are_left_out(folder):
    where = folder / "train" / "n01644900"
    photo(where / "images", tiny_imagenet.FOUND_BY_EYE[0])
    (where / "n01644900_boxes.txt").write_text(line(tiny_imagenet.FOUND_BY_EYE[0], *BOX))
    nothing_alike = Lookalikes(np.zeros((1, 32, 32, 3), np.uint8))
    _x, y, left_out = tiny_imagenet.read(folder, "train", nothing_alike)
    assert left_out == 1 and (y == IDS.index("frog")).sum() == 2


def test_photos_to_measure_on_are_none_of_the_training_pictures_either(
    folder, tiny_npz, tmp_path, monkeypatch, capsys
):
    cat = folder / "val" / "images" / "val_0.JPEG"
    path = with_a_photo_in("train", tiny_npz, tmp_path / "set.npz", cat)
    with pytest.raises(SystemExit):
        run_command(monkeypatch, folder, tmp_path / "out.npz", "--split", "val", "--data", path)
    assert "holds no photo of these classes" in capsys.readouterr().err
    run_command(monkeypatch, folder, tmp_path / "out.npz", "--data", path)
    assert " 0 are left out" in capsys.readouterr().out, "to train on they may be"


def test_the_two_splits_are_not_called_the_same(folder, tiny_npz, tmp_path, monkeypatch):
    for split in ("train", "val"):
        out = tmp_path / f"{split}.npz"
        run_command(monkeypatch, folder, out, "--split", split, "--data", tiny_npz)
    read = [extra.read(tmp_path / f"{s}.npz") for s in ("train", "val")]
    extra.check({"extra": "Tiny ImageNet"}, read[0])
    with pytest.raises(ValueError, match="these are of Tiny ImageNet, validation"):
        extra.check({"extra": "Tiny ImageNet"}, read[1])


def test_a_folder_that_lacks_a_synset_is_refused_in_one_line(
    folder, tiny_npz, tmp_path, monkeypatch, capsys
):
    (folder / "train" / "n02123394" / "n02123394_boxes.txt").unlink()
    with pytest.raises(SystemExit) as ended:
        run_command(monkeypatch, folder, tmp_path / "o.npz", "--data", tiny_npz)
    assert ended.value.code == 2 and "n02123394_boxes.txt" in capsys.readouterr().err
    assert not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("damage", [b"no photo", b"", "half of it"])
def test_a_damaged_photo_is_refused_by_its_name(folder, damage):
    damaged = folder / "train" / "n01855672" / "images" / "n01855672_1.JPEG"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2] if damage == "half of it" else damage)
    with pytest.raises(OSError, match=r"n01855672_1\.JPEG is damaged or no photo"):
        tiny_imagenet.read(folder)


def test_a_photo_of_another_size_is_refused_by_its_name(folder):
    wide = folder / "train" / "n01855672" / "images" / "n01855672_1.JPEG"
    Image.new("RGB", (80, 64)).save(wide)
    with pytest.raises(ValueError, match=r"n01855672_1\.JPEG is of 80x64 pixels"):
        tiny_imagenet.read(folder)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("1\t2\t3", "no box in"),
        ("a\tb\tc\td", "no box in"),
        ("-1\t2\t3\t4", "no box in"),
        ("9\t2\t3\t4", "is in no photo"),
        ("1\t9\t3\t4", "is in no photo"),
        ("1\t2\t64\t4", "is in no photo"),
    ],
)
def test_a_line_that_is_no_box_is_refused_by_its_file(folder, box, said):
    boxes = folder / "train" / "n02123045" / "n02123045_boxes.txt"
    boxes.write_text(f"n02123045_0.JPEG\t{box}")
    with pytest.raises(ValueError, match=rf"n02123045_boxes\.txt: .*{said}"):
        tiny_imagenet.read(folder)


def test_a_folder_to_write_into_that_is_not_there_is_told_at_once(
    folder, tmp_path, monkeypatch, capsys
):
    with pytest.raises(SystemExit):
        run_command(monkeypatch, folder, tmp_path / "nowhere" / "out.npz")
    assert f"no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_the_file_to_write_ends_in_npz(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ml.tiny_imagenet", str(folder), "out.zip"])
    with pytest.raises(SystemExit):
        tiny_imagenet.main()
    assert "npz" in capsys.readouterr().err
