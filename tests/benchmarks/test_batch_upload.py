"""The measurement itself, small, against the running service."""

import pytest

from benchmarks import batch_upload, pictures
from benchmarks.batch_upload import WrongError

N = 60


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {f"{n:05}.jpg": pictures.jpeg(n) for n in range(N)}


def test_pictures_are_small_and_no_two_are_alike(files):
    assert len(set(files.values())) == N
    assert all(
        content.startswith(b"\xff\xd8\xff") and len(content) < 3000 for content in files.values()
    )
    assert pictures.jpeg(7) == files["00007.jpg"]


def test_one_zip_is_measured_to_its_last_answer(service, files, capsys):
    found = batch_upload.measure(service, files, [batch_upload.as_zip(files)])
    assert 0 < found.accepted <= found.done <= found.downloaded
    assert found.others >= 1 and 0 < found.slowest < 60
    batch_upload.told("one ZIP", files, found)
    assert "60 pictures, one ZIP: accepted after" in capsys.readouterr().out


def test_many_requests_are_measured_to_the_last_answer_of_all(service, files):
    found = batch_upload.in_parts(service, files, parts=25)
    assert 0 < found.accepted <= found.done <= found.downloaded


def test_a_picture_that_gets_no_answer_ends_the_measurement(service, files):
    spoiled = {**files, "00003.jpg": b"no JPEG"}
    with pytest.raises(WrongError, match=r"1 have no answer, 00003\.jpg"):
        batch_upload.measure(service, spoiled, [batch_upload.as_zip(spoiled)])


def test_a_service_that_refuses_ends_the_measurement(service):
    with pytest.raises(WrongError, match="BATCH_EMPTY"):
        batch_upload.measure(service, {}, [batch_upload.as_zip({})])


def test_a_service_that_fails_somebody_else_ends_the_measurement(service, files, monkeypatch):
    monkeypatch.setattr(batch_upload, "LIGHT", ("/nothing/",))
    with pytest.raises(WrongError, match="GET /nothing/: 404"):
        batch_upload.measure(service, files, [batch_upload.as_zip(files)])
