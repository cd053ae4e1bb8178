"""From bytes to the network's input."""

import contextlib
import io

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml import preprocess
from ml.preprocess import UnreadableImage, from_image, from_jpeg
from tests import make


def test_a_picture_of_the_right_size_passes_unchanged():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert (from_image(Image.fromarray(pixels), 32) == pixels).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (256, 171), (31, 33), (32, 256)])
def test_any_shape_comes_out_square(size):
    out = from_jpeg(make.jpeg(*size), 32)
    assert out.shape == (32, 32, 3) and out.dtype == np.uint8


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_any_colour_model_comes_out_as_rgb(mode):
    assert from_jpeg(make.jpeg(64, 64, 0, mode), 32).shape == (32, 32, 3)


def test_the_central_square_is_what_counts():
    picture = Image.new("RGB", (96, 32), (255, 0, 0))
    picture.paste((0, 0, 255), (32, 0, 64, 32))
    assert (from_image(picture, 32) == (0, 0, 255)).all()


def test_shrinking_averages_over_areas():
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    picture = Image.fromarray(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8))
    out = from_image(picture, 32)
    assert ((out >= 126) & (out <= 129)).all()


def test_another_size_is_another_argument():
    assert from_jpeg(make.jpeg(100, 100), 48).shape == (48, 48, 3)


def test_a_progressive_jpeg_is_read():
    assert from_jpeg(make.jpeg(64, 64, progressive=True), 32).shape == (32, 32, 3)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"<svg/>", b"\0" * 999])
def test_what_is_no_jpeg_is_unreadable(data):
    with pytest.raises(UnreadableImage):
        from_jpeg(data, 32)


def test_another_format_is_unreadable_even_if_pillow_knows_it():
    out = io.BytesIO()
    Image.new("RGB", (32, 32)).save(out, "PNG")
    with pytest.raises(UnreadableImage):
        from_jpeg(out.getvalue(), 32)


@given(share=st.floats(0, 0.98))
def test_a_truncated_jpeg_is_unreadable(share):
    data = make.noise_jpeg(side=48)
    with pytest.raises(UnreadableImage):
        from_jpeg(data[: int(len(data) * share)], 32)


@given(at=st.integers(0, 5000), bit=st.integers(0, 7))
def test_a_flipped_bit_gives_an_image_or_is_unreadable(at, bit):
    data = bytearray(make.noise_jpeg(side=48))
    data[at % len(data)] ^= 1 << bit
    with contextlib.suppress(UnreadableImage):
        assert from_jpeg(bytes(data), 32).shape == (32, 32, 3)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (200, 256)])
def test_the_fast_decoder_gives_the_same_pixels_as_pillow(shape, quality, subsampling):
    noise = np.random.default_rng(quality).integers(0, 256, (*shape, 3), np.uint8)
    smooth = Image.fromarray(noise).resize((shape[1] // 4, shape[0] // 4)).resize(shape[::-1])
    out = io.BytesIO()
    smooth.save(out, "JPEG", quality=quality, subsampling=subsampling)
    same = np.asarray(Image.open(out).convert("RGB"))
    assert (preprocess.decode(out.getvalue()) == same).all()
    assert (preprocess._decode_any(out.getvalue()) == same).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_colour_model_gives_what_pillow_gives(mode):
    data = make.jpeg(64, 48, 1, mode)
    assert (preprocess.decode(data) == preprocess._decode_any(data)).all()


def test_what_the_fast_decoder_refuses_goes_to_pillow(monkeypatch):
    def refuse(*_args):
        raise ValueError("never seen such a picture")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", refuse)
    assert from_jpeg(make.jpeg(64, 64), 32).shape == (32, 32, 3)
