"""Acceptance: which uploads are taken, what comes out, and why others are refused."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from classifier.decoding.jpeg import ORIENTATION
from classifier.images import accept
from classifier.problems import Problem
from tests import make


def opened(data: bytes) -> Pillow.Image:
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


def preview(data: bytes) -> Pillow.Image:
    return opened(accept(data).preview)


def code_of(data: bytes) -> str:
    with pytest.raises(Problem) as refusal:
        accept(data)
    return refusal.value.code


def with_orientation(orientation: int, size=(300, 150)) -> bytes:
    """A JPEG whose top left quarter is red as it is stored."""
    picture = Pillow.new("RGB", size, (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, size[0] // 2, size[1] // 2))
    exif = Pillow.Exif()
    exif[ORIENTATION] = orientation
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


def test_an_ordinary_jpeg_is_accepted_with_its_size_and_hash():
    data = make.jpeg(640, 480)
    accepted = accept(data)
    assert (accepted.width, accepted.height) == (640, 480)
    assert accepted.original == data
    assert re.fullmatch("[0-9a-f]{64}", accepted.sha256)


def test_the_preview_is_at_most_256_pixels_and_keeps_the_proportions():
    assert preview(make.jpeg(1000, 500)).size == (256, 128)


def test_the_longest_and_thinnest_jpeg_still_has_a_preview():
    assert preview(make.jpeg(65_500, 1)).size == (256, 1)


def test_one_pixel_is_enough():
    assert preview(make.jpeg(1, 1)).size == (1, 1)


@pytest.mark.parametrize(
    ("mode", "color"), [("L", 90), ("CMYK", (0, 90, 90, 10)), ("RGB", (9, 99, 199))]
)
def test_every_colour_model_comes_out_as_rgb(mode, color):
    assert preview(make.jpeg(300, 200, color, mode)).mode == "RGB"


def test_a_grey_picture_smaller_than_the_preview_becomes_rgb_too():
    assert preview(make.jpeg(20, 20, 90, "L")).mode == "RGB"


def test_cmyk_keeps_its_colour():
    red, green, blue = preview(make.jpeg(300, 200, (0, 255, 255, 0), "CMYK")).getpixel((10, 10))
    assert red > 200 and green < 60 and blue < 60


def test_a_progressive_jpeg_is_accepted():
    assert preview(make.jpeg(300, 200, progressive=True)).size == (256, 171)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photo_comes_out_upright(orientation):
    """EXIF says where the stored top left corner belongs; the red quarter must be there."""
    corner = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
    accepted = accept(with_orientation(orientation))
    picture = opened(accepted.preview)
    width, height = picture.size
    x = width // 4 if corner[1] == "l" else 3 * width // 4
    y = height // 4 if corner[0] == "t" else 3 * height // 4
    red, _green, blue = picture.getpixel((x, y))
    assert red > 200 and blue < 60
    assert (accepted.width > accepted.height) == (orientation < 5)
    assert (width > height) == (orientation < 5)


@pytest.mark.parametrize("orientation", [0, 9, 60_000])
def test_an_orientation_that_makes_no_sense_is_ignored(orientation):
    accepted = accept(with_orientation(orientation))
    assert (accepted.width, accepted.height) == (300, 150)


def test_no_metadata_survives_in_the_preview():
    exif = Pillow.Exif()
    exif[0x010E] = "taken at home"
    data = make.jpeg(300, 200, exif=exif, comment=b"<script>alert(1)</script>")
    served = accept(data).preview
    assert b"taken at home" in data and b"<script>" in data
    assert b"taken at home" not in served and b"<script>" not in served
    assert b"Exif" not in served


def test_a_small_and_plain_picture_keeps_its_own_bytes():
    data = make.jpeg(200, 100)
    accepted = accept(data)
    assert accepted.preview is accepted.original


@pytest.mark.parametrize(
    "spoilt",
    [
        make.jpeg(200, 100) + b"PK\x03\x04 an archive",
        make.jpeg(200, 100) + b"an archive\xff\xd9",
        make.jpeg(200, 100, comment=b"hello"),
        make.jpeg(200, 100, icc_profile=b"colours"),
        make.jpeg(200, 100, 90, "L"),
    ],
    ids=["trailing bytes", "trailing bytes that end like a JPEG", "comment", "profile", "grey"],
)
def test_a_small_picture_that_carries_more_than_rgb_pixels_is_made_anew(spoilt):
    accepted = accept(spoilt)
    assert accepted.preview != accepted.original
    assert opened(accepted.preview).size == (200, 100)


def test_an_empty_file_is_refused():
    assert code_of(b"") == "IMAGE_EMPTY"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_another_format_is_refused_whatever_its_name(kind):
    out = io.BytesIO()
    Pillow.new("RGB", (20, 20)).save(out, kind)
    assert code_of(out.getvalue()) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("text", [b"hello", b"<svg/>", b"\xff\xd8", b"\xff", b"\0" * 5000])
def test_what_is_no_picture_is_refused(text):
    assert code_of(text) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_jpeg_is_refused(share):
    data = make.noise_jpeg(side=200)
    assert code_of(data[: int(len(data) * share)]) == "IMAGE_UNDECODABLE"


def test_a_truncated_jpeg_small_enough_to_keep_its_bytes_is_refused():
    data = make.noise_jpeg(side=32)
    assert code_of(data[:-40]) == "IMAGE_UNDECODABLE"


def test_a_jpeg_without_its_tables_is_refused():
    data = make.jpeg(100, 100).replace(b"\xff\xdb", b"\xff\xfe")
    assert code_of(data) == "IMAGE_UNDECODABLE"


def test_the_byte_cap_is_exact(settings):
    data = make.jpeg()
    settings.MAX_IMAGE_BYTES = len(data)
    accept(data)
    settings.MAX_IMAGE_BYTES = len(data) - 1
    assert code_of(data) == "IMAGE_TOO_LARGE"


def test_the_pixel_cap_is_exact(settings):
    settings.MAX_IMAGE_PIXELS = 100 * 100
    accept(make.jpeg(100, 100))
    assert code_of(make.jpeg(100, 101)) == "PIXEL_LIMIT"


def test_a_header_that_claims_billions_of_pixels_is_refused_without_decoding():
    data = make.jpeg(100, 100)
    start = data.index(b"\xff\xc0") + 5
    huge = data[:start] + (65_500).to_bytes(2, "big") * 2 + data[start + 4 :]
    assert code_of(huge) == "PIXEL_LIMIT"


def test_a_jpeg_of_too_many_scans_is_refused(settings):
    data = make.jpeg(64, 64, progressive=True)
    settings.MAX_SCANS = data.count(b"\xff\xda")
    accept(data)
    settings.MAX_SCANS -= 1
    assert code_of(data) == "SCAN_LIMIT"


@given(cut=st.integers(0, 4000), at=st.integers(0, 4000), byte=st.integers(0, 255))
def test_damaged_bytes_are_accepted_or_refused_and_nothing_else(cut, at, byte):
    data = bytearray(make.noise_jpeg(side=40))
    data[at % len(data)] = byte
    try:
        accepted = accept(bytes(data[: len(data) - cut % 50]))
    except Problem as refusal:
        assert refusal.code in {"IMAGE_UNDECODABLE", "UNSUPPORTED_MEDIA_TYPE", "PIXEL_LIMIT"}
    else:
        assert opened(accepted.preview).mode == "RGB"


def test_a_comment_between_the_scans_of_a_small_picture_is_not_in_its_preview():
    data = make.noise_jpeg(1, side=64, progressive=True)
    second_scan = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    comment = b"\xff\xfe" + (2 + len(b"SECRET")).to_bytes(2, "big") + b"SECRET"
    accepted = accept(data[:second_scan] + comment + data[second_scan:])
    assert b"SECRET" not in accepted.preview


def test_a_small_plain_picture_keeps_its_own_bytes():
    data = make.noise_jpeg(1, side=64)
    assert accept(data).preview is data
