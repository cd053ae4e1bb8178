"""Files made to harm: each is accepted or refused with a code, and what is stored is harmless."""

import io
import random
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from classifier.decoding import header, jpeg
from classifier.images import accept
from classifier.problems import Problem
from tests import hostile, make

KINDS = hostile.kinds()
HTML = b"<html><script>alert(1)</script>"


def outcome(data: bytes) -> str:
    """ "accepted", or the code of the refusal; anything else is an error."""
    try:
        accepted = accept(data)
    except Problem as problem:
        assert problem.code in hostile.REFUSALS
        return problem.code
    assert accepted.preview.startswith(b"\xff\xd8\xff") and accepted.preview.endswith(b"\xff\xd9")
    return "accepted"


def a_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Evil.class", b"\xca\xfe\xba\xbe" * 50)
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_jpeg_is_accepted_as_it_is(kind):
    assert outcome(KINDS[kind]) == "accepted"


@profile(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 2**32))
def test_a_mutated_jpeg_is_accepted_or_refused_and_nothing_else(kind, seed):
    outcome(hostile.mutated(KINDS[kind], random.Random(seed)))


@profile(max_examples=300, deadline=None)
@given(side=st.sampled_from([8, 32, 40]), seed=st.integers(0, 2**32), damage=st.booleans())
@example(side=32, seed=0, damage=False)
def test_what_the_decoder_alone_proves_whole_pillow_finds_whole_too(side, seed, damage):
    data = make.noise_jpeg(seed, side=side)
    if damage:
        data = hostile.mutated(data, random.Random(seed))
    told = header.read(data)
    alone = bool(told and told.is_plain and jpeg.is_whole(data, told))
    assert alone or damage
    if alone:
        assert jpeg.decode(data, 256, 1_000_000) == jpeg.Decoded(*told.size, preview=None)


@pytest.mark.parametrize("kind", KINDS)
def test_only_pictures_of_the_plainest_kind_are_for_the_decoder_alone(kind):
    told = header.read(KINDS[kind])
    assert bool(told and told.is_plain) == (kind in {"baseline", "restarts", "over a megapixel"})


@profile(max_examples=100, deadline=None)
@given(
    first=st.sampled_from(sorted(KINDS)),
    second=st.sampled_from(sorted(KINDS)),
    at=st.floats(0, 1),
    until=st.floats(0, 1),
)
@example("progressive", "cmyk", 0.5, 0.5)
def test_two_jpegs_spliced_into_one_are_accepted_or_refused(first, second, at, until):
    one, two = KINDS[first], KINDS[second]
    outcome(one[: int(at * len(one))] + two[int(until * len(two)) :])


@profile(max_examples=100, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), less=st.integers(1, 2000))
def test_a_jpeg_cut_short_is_accepted_or_refused(kind, less):
    outcome(KINDS[kind][:-less])


@profile(max_examples=100, deadline=None)
@given(body=st.binary(max_size=400), marker=st.sampled_from([0xE1, 0xE2, 0xED, 0xEE, 0xFE]))
def test_whatever_a_segment_of_metadata_holds_the_picture_is_judged_by_its_pixels(body, marker):
    for head in (b"", b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\x00", b"Adobe"):
        data = hostile.with_segments(make.jpeg(40, 40), hostile.segment(marker, head + body))
        assert outcome(data) in {"accepted", "IMAGE_UNDECODABLE"}


@pytest.mark.parametrize("scans", [101, 5000])
def test_a_progressive_jpeg_of_thousands_of_scans_is_refused_unopened(scans):
    assert outcome(hostile.scan_bomb(scans, side=500)) == "SCAN_LIMIT"


def test_as_many_scans_as_are_allowed_are_taken():
    assert outcome(hostile.scan_bomb(100, side=500)) == "accepted"


@pytest.mark.parametrize("size", [(65_500, 65_500), (65_535, 800), (7072, 7072)])
def test_a_header_of_more_than_fifty_megapixels_is_refused_by_the_header(size):
    assert outcome(hostile.claiming(*size)) == "PIXEL_LIMIT"


@pytest.mark.parametrize("size", [(7000, 7000), (65_500, 700), (1, 65_500)])
def test_a_header_that_claims_more_than_the_file_holds_ends_in_an_answer(size):
    """libjpeg fills up what lies before an end that comes too early; Pillow does not tell."""
    assert outcome(hostile.claiming(*size)) in {"accepted", "IMAGE_UNDECODABLE"}


@pytest.mark.parametrize("size", [(0, 64), (64, 0), (0, 0)])
def test_a_picture_without_height_or_width_is_refused(size):
    assert outcome(hostile.claiming(*size)) == "IMAGE_UNDECODABLE"


def test_a_header_that_says_its_size_twice_gains_nothing():
    data = make.jpeg(64, 64)
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 19]
    huge = frame[:5] + b"\xff\xff\xff\xff" + frame[9:]
    assert outcome(data[:at] + huge + data[at:]) in {"PIXEL_LIMIT", "IMAGE_UNDECODABLE"}
    assert outcome(data[: at + 19] + huge + data[at + 19 :]) in hostile.REFUSALS


METADATA_BOMBS = {
    "EXIF in 300 segments": [hostile.segment(hostile.APP1, b"Exif\0\0" + b"A" * 65_000)] * 300,
    "EXIF whose 5,000 tags share their bytes": [hostile.segment(hostile.APP1, hostile.tags(5000))],
    "the same over many segments": [hostile.segment(hostile.APP1, hostile.tags(5000))] * 200,
    "ICC in 300 parts": [hostile.segment(hostile.APP2, b"ICC_PROFILE\0\x01\xff" + bytes(65_000))]
    * 300,
    "ICC part out of nowhere": [hostile.segment(hostile.APP2, b"ICC_PROFILE\0")],
    "comments of 20 MB": [hostile.segment(hostile.COMMENT, bytes(65_000))] * 310,
    "a Photoshop block that overruns": [
        hostile.segment(hostile.APP13, b"Photoshop 3.0\x008BIM\x03\xed\0\0\xff\xff\xff\xff")
    ],
    "multi-picture without pictures": [hostile.segment(hostile.APP2, b"MPF\0II*\0\x08\0\0\0\0\0")],
}


@pytest.mark.parametrize("name", METADATA_BOMBS)
def test_giant_and_malformed_metadata_ends_in_an_answer(name):
    data = hostile.with_segments(make.jpeg(64, 64), *METADATA_BOMBS[name])
    assert outcome(data) in {"accepted", "IMAGE_UNDECODABLE", "DECODE_FAILED"}
    assert outcome(KINDS["over a megapixel"]) == "accepted"


def test_twenty_megabytes_of_junk_before_the_picture_end_in_an_answer():
    junk = b"\xff\xd8\xff\xe0\0\x02" + bytes(19 * 1024 * 1024) + make.jpeg()
    assert outcome(junk) in {"accepted", "IMAGE_UNDECODABLE", "DECODE_FAILED"}


POLYGLOTS = {
    "JPEG and HTML, in a comment": hostile.with_segments(
        make.jpeg(64, 64), hostile.segment(hostile.COMMENT, HTML)
    ),
    "JPEG and HTML, behind it": make.jpeg(64, 64) + HTML,
    "JPEG and ZIP": make.jpeg(64, 64) + a_zip(),
    "JPEG and Java archive": make.jpeg(600, 600) + a_zip(),
    "JPEG and PHP, in EXIF": make.jpeg(64, 64, exif=b"Exif\0\0<?php echo 1 ?>"),
    "JPEG and PDF": hostile.with_segments(
        make.jpeg(64, 64), hostile.segment(hostile.COMMENT, b"%PDF-1.4\n1 0 obj")
    ),
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_what_is_also_something_else_is_only_a_picture_once_stored(name):
    preview = accept(POLYGLOTS[name]).preview
    for trace in (b"<script", b"<html", b"PK\x03\x04", b"<?php", b"%PDF", b"Evil"):
        assert trace not in preview


SECRET = hostile.segment(hostile.APP1, b"Exif\0\0 50.45 N, 30.52 E")
LONG_SCAN = hostile.START_OF_SCAN + b"\xff\xff"  # one that would reach past the end


def hidden_behind_the_scan(data: bytes) -> bytes:
    return data[: -len(hostile.EOI)] + SECRET + hostile.EOI


def with_density(data: bytes, four: bytes) -> bytes:
    """The bytes of JFIF's two densities, which may be anything."""
    return data[:14] + four + data[18:]


HIDDEN = {
    "plainly": hidden_behind_the_scan(make.jpeg(32, 32)),
    "a scan in the density": with_density(hidden_behind_the_scan(make.jpeg(32, 32)), LONG_SCAN),
    "a scan in a table": hidden_behind_the_scan(make.jpeg(32, 32)).replace(
        b"\xff\xdb", hostile.segment(0xDB, b"\x03" + LONG_SCAN + bytes([1] * 60)) + b"\xff\xdb", 1
    ),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_no_segment_behind_the_pixels_is_served_wherever_a_scan_seems_to_begin(name):
    assert SECRET[4:] in HIDDEN[name]
    accepted = accept(HIDDEN[name])
    assert SECRET[4:] not in accepted.preview


def test_a_scan_in_the_density_alone_does_no_harm():
    assert outcome(with_density(make.jpeg(32, 32), LONG_SCAN)) == "accepted"


def test_a_gif_that_is_also_a_java_archive_is_refused():
    assert outcome(b"GIF89a" + bytes(20) + a_zip()) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04", b"%!PS-Adobe", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]
)
def test_another_format_under_the_name_of_a_jpeg_is_refused(data):
    assert outcome(data + bytes(100)) == "UNSUPPORTED_MEDIA_TYPE"


def test_of_a_multi_picture_file_only_the_first_picture_is_taken():
    accepted = accept(KINDS["multi-picture"])
    assert (accepted.width, accepted.height) == (40, 30)
    assert b"MPF" not in accepted.preview
