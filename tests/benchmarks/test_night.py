"""The way to a better model, its steps on the running service; training has tests of its own."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import night
from benchmarks.report import WrongError
from benchmarks.service import running


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    chance = np.random.default_rng(1)
    return {
        f"{n:05}.jpg": night.night(chance.integers(0, 256, (32, 32, 3)), chance) for n in range(6)
    }


def test_a_night_picture_is_a_dark_jpeg_of_the_same_size():
    day = np.full((32, 32, 3), 200)
    dark = Image.open(io.BytesIO(night.night(day, np.random.default_rng(1))))
    assert (dark.format, dark.size) == ("JPEG", (32, 32))
    assert 20 < np.asarray(dark).mean() < 80


def test_who_may_not_review_is_told_at_the_login(service):
    with pytest.raises(WrongError, match="The login led to"):
        night.Reviewer(service)


@pytest.mark.slow
def test_what_is_sent_is_dealt_reviewed_and_counted(pictures):
    with running(KADR_AUDIT_SHARE="1") as service:
        night.make_reviewer(service)
        night.send(service, pictures)
        with pytest.raises(WrongError, match="0 pictures were dealt, of 6"):
            night.Reviewer(service).work(dict.fromkeys(pictures, "cat"), order="owner")
        night.Reviewer(service).work(dict.fromkeys(pictures, "cat"))
        row = night.accuracy(service, "before")
        assert 0 <= row.figure <= 100 and "95 % interval" in row.note
