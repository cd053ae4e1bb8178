"""The measurement itself, small: a few photos of one megapixel and a bit, against the running
service. That its own photos are what they are said to be is tried at full size."""

import io

import pytest
from PIL import Image

from benchmarks import camera, photos
from benchmarks.full_decode import Numbered, Timed, in_full
from benchmarks.network import Bare
from benchmarks.report import WrongError

SIZE = (1300, 1000)


@pytest.fixture(scope="module")
def few() -> list[bytes]:
    return [camera.photo(n, SIZE) for n in range(2)]


@pytest.fixture(scope="module")
def bare(service, few) -> Bare:
    return photos.known(service, few)


def sent(few: list[bytes], count: int) -> Numbered:
    return [(n % len(few), few[n % len(few)]) for n in range(count)]


def test_a_photo_is_as_a_phone_saves_it():
    photo = camera.photo(1)
    picture = Image.open(io.BytesIO(photo))
    assert picture.size == (4000, 3000)
    assert 2e6 < len(photo) < 4e6
    assert b"\xff\xc0" in photo[:2000] and "progressive" not in picture.info
    assert [layer[1:3] for layer in picture.layer] == [(2, 2), (1, 1), (1, 1)]  # 4:2:0
    exif = picture.getexif()
    assert exif[camera.ORIENTATION] == 6
    assert not exif.get_ifd(1)  # where a thumbnail would be


def test_photos_differ_and_each_can_be_made_again(few):
    assert few[0] != few[1]
    assert camera.photo(1, SIZE) == few[1]


def test_a_photo_by_way_of_all_its_pixels_is_upright(few):
    upright, turned = (Image.open(io.BytesIO(in_full(photo))) for photo in few)
    assert (upright.size, turned.size) == ((256, 197), (197, 256))


def test_all_ways_are_measured(service, few):
    rows = photos.measure(service, few, count=4, clients=2)
    assert [row.unit for row in rows] == ["photos/s", "photos/s", "", "photos/s", ""]
    assert all(row.figure > 0 for row in rows)
    assert rows[2].least == rows[4].least == 4
    assert rows[2].figure == pytest.approx(rows[1].figure / rows[0].figure)
    assert rows[4].figure == pytest.approx(rows[3].figure / rows[0].figure)


def test_goes_add_up_to_rates_and_ratios():
    slow, fast = Timed(10, 20.0, 30.0), Timed(5, 1.0, 3.0)
    clock = iter([1.0, 1.5])
    with fast.going(5, lambda: next(clock)):
        pass
    assert (fast.count, fast.spent) == (10, 3.5)
    fast.seconds = 2.0
    row, ratio = fast.rows("fast", "note", slow)
    assert (row.figure, row.note) == (5.0, "350 core-ms; note")
    assert (ratio.figure, ratio.met) == (10.0, True)
    assert "8.6 times less processor time" in ratio.note


def test_a_wrong_answer_to_a_single_photo_ends_the_measurement(service, few, bare):
    other = Bare(bare.rate, bare.seconds, [("zebra", 0.5)] * len(few))
    with pytest.raises(WrongError, match="zebra"):
        photos.singles(service, sent(few, 2), 1, other, Timed())


def test_a_wrong_answer_in_a_batch_ends_the_measurement(service, few, bare):
    label, confidence = bare.answers[1]
    other = Bare(bare.rate, bare.seconds, [bare.answers[0], (label, confidence + 0.01)])
    with pytest.raises(WrongError, match="Picture 1 is"):
        photos.batch(service, sent(few, 4), other, Timed())


def test_a_photo_that_is_refused_ends_the_measurement(service, few, bare):
    with pytest.raises(WrongError, match=r"0001\.jpg is failed"):
        photos.batch(service, [(0, few[0]), (1, few[1][:5000])], bare, Timed())


def test_a_preview_of_another_photo_is_noticed(few):
    photos.compare(few[0], in_full(few[0]))
    upside_down = Image.open(io.BytesIO(in_full(few[0]))).rotate(180)
    out = io.BytesIO()
    upside_down.save(out, "JPEG")
    with pytest.raises(WrongError, match="levels from"):
        photos.compare(few[0], out.getvalue())
    with pytest.raises(WrongError, match="pixels"):
        photos.compare(few[0], in_full(few[1]))
