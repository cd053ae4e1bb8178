"""One's own classes from a folder: what is read, and what is refused by name."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import ExifTags, Image

from classifier.decoding import jpeg
from ml import data, image_folder, preprocess
from tests import hostile, make


def test_each_sub_folder_is_a_class_and_a_tenth_of_each_is_kept_for_either_test(folder):
    dataset = data.load(folder)
    assert [c["id"] for c in dataset.classes] == ["square", "triangle", "круг"]
    assert dataset.counts() == {"train": 48, "validation": 6, "test": 6}
    assert sorted(dataset.test.y.tolist()) == [0, 0, 1, 1, 2, 2]
    assert dataset.name == "shapes"


def test_a_file_is_in_the_same_split_each_time(folder):
    before = data.load(folder)
    assert data.load(folder).sha256 == before.sha256
    assert not {x.tobytes() for x in before.train.x} & {x.tobytes() for x in before.test.x}


def test_a_copy_of_a_picture_does_not_land_in_two_splits(folder):
    copied = folder / "square" / "copy.jpg"
    copied.write_bytes((folder / "square" / "1.jpg").read_bytes())
    assert data.load(folder).counts()["train"] == 48


STORED = {  # how a camera held so keeps what is upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def corners(shade: int) -> Image.Image:
    """96 x 64, each quarter of another colour."""
    picture = Image.new("RGB", (96, 64), (200, 30, 30))
    for box, colour in {
        (48, 0): (30, 200, 30),
        (0, 32): (30, 30, 200),
        (48, 32): (shade, shade, shade),
    }.items():
        picture.paste(colour, (*box, box[0] + 48, box[1] + 32))
    return picture


def photo(shade: int, orientation: int) -> bytes:
    picture, exif, out = corners(shade), Image.Exif(), io.BytesIO()
    if orientation in STORED:
        picture = picture.transpose(STORED[orientation])
    exif[ExifTags.Base.Orientation] = orientation
    picture.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("orientation", [*range(1, 9), 0, 9])
def test_pictures_are_learned_the_way_up_in_which_they_will_be_served(folder, orientation):
    shutil.rmtree(folder / "square")
    (folder / "square").mkdir()
    for i in range(10):
        (folder / "square" / f"{i}.jpg").write_bytes(photo(160 + i, orientation))
    read = data.load(folder)
    learned = np.concatenate([part.x[part.y == 0] for part in (read.train, read.test)]).astype(int)
    preview = jpeg.decode(photo(165, orientation), 256, 10_000).preview
    for seen in (preprocess.from_image(corners(165), 32), preprocess.from_jpeg(preview, 32)):
        assert np.abs(learned - seen).mean() < 3
    assert np.abs(learned[:, ::-1] - seen).mean() > 30


def test_metadata_that_make_no_sense_leave_a_picture_as_it_is(folder):
    broken = hostile.with_segments(
        photo(160, 1), hostile.segment(hostile.APP1, b"Exif\0\0II*\0\xff\xff\xff\xff")
    )
    (folder / "square" / "0.jpg").write_bytes(broken)
    assert data.load(folder).counts()["train"] == 48


def test_names_in_both_languages_may_be_given(folder):
    names = [{"id": "square", "uk": "квадрат", "en": "a square"}]
    (folder / image_folder.NAMES).write_text(json.dumps(names))
    first, second, _third = data.load(folder).classes
    assert first == names[0]
    assert second == {"id": "triangle", "uk": "triangle", "en": "triangle"}


@pytest.mark.parametrize("content", ["{", "[1]", '[{"id": "square"}]', '"square"'])
def test_names_that_are_no_such_list_are_refused(folder, content):
    (folder / image_folder.NAMES).write_text(content)
    with pytest.raises(ValueError, match=r"classes\.json"):
        data.load(folder)


def test_a_name_without_a_folder_is_refused(folder):
    (folder / image_folder.NAMES).write_text('[{"id": "oval", "uk": "овал", "en": "oval"}]')
    with pytest.raises(ValueError, match="oval"):
        data.load(folder)


def test_a_class_of_copies_is_refused_by_name_and_by_what_is_left(folder):
    shutil.rmtree(folder / "square")
    (folder / "square").mkdir()
    for i in range(10):
        content = make.noise_jpeg(seed=i % 2)
        (folder / "square" / f"{i}.jpg").write_bytes(content)
    with pytest.raises(ValueError, match="'square' has 10 JPEGs, 2 of them different"):
        data.load(folder)


def test_an_empty_class_is_refused_by_name(folder):
    (folder / "void").mkdir()
    with pytest.raises(ValueError, match="'void' has 0 JPEGs"):
        data.load(folder)


def test_a_damaged_file_is_refused_by_name(folder):
    path = folder / "square" / "3.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"3\.jpg is damaged"):
        data.load(folder)


def test_a_file_that_is_no_jpeg_is_refused_by_name(folder):
    (folder / "square" / "odd.png").write_bytes(b"PNG")
    with pytest.raises(ValueError, match=r"odd\.png is no JPEG"):
        data.load(folder)


def test_one_class_is_not_enough(tmp_path):
    (tmp_path / "only").mkdir()
    with pytest.raises(ValueError, match="two at the least"):
        data.load(tmp_path)


def test_the_same_picture_in_two_classes_is_refused_by_both_names(folder):
    (folder / "triangle" / "twin.jpg").write_bytes((folder / "square" / "1.jpg").read_bytes())
    with pytest.raises(ValueError, match=r"1\.jpg.*two classes"):
        data.load(folder)


def test_other_files_and_hidden_ones_are_let_be(folder):
    (folder / "square" / "notes.txt").write_text("hello")
    (folder / ".hidden").mkdir()
    assert data.load(folder).counts()["train"] == 48


@pytest.mark.parametrize("hidden", [".thumbnails", "@eaDir"])
def test_thumbnails_that_programs_keep_are_let_be(folder, hidden):
    before = data.load(folder).sha256
    for place in (folder / hidden, folder / "square" / hidden, folder / "square" / hidden / "deep"):
        place.mkdir()
        (place / "1.jpg").write_bytes(make.noise_jpeg(seed=5000))
        (place / "1.png").write_bytes(b"PNG")
    assert data.load(folder).sha256 == before
