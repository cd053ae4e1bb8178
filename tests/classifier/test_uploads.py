"""Reading an upload: what is too large is dropped on the way, not stored first."""

import pytest
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import RequestFactory

from classifier.uploads import CapUploadHandler
from tests import make


@pytest.fixture
def received(settings, monkeypatch):
    """The bytes that reach the disk."""
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    chunks: list[int] = []
    write = TemporaryFileUploadHandler.receive_data_chunk

    def count(self, raw_data, start):
        chunks.append(len(raw_data))
        return write(self, raw_data, start)

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", count)
    return chunks


def test_the_disk_sees_little_more_than_the_cap(settings, received):
    settings.MAX_IMAGE_BYTES = 200_000
    request = RequestFactory().post("/", {"image": make.upload(b"0" * 5_000_000)})
    file = request.FILES["image"]
    assert file.size > settings.MAX_IMAGE_BYTES
    assert sum(received) <= settings.MAX_IMAGE_BYTES + 2 * CapUploadHandler.chunk_size


def test_a_file_at_the_cap_arrives_whole(settings, received):
    settings.MAX_IMAGE_BYTES = 200_000
    request = RequestFactory().post("/", {"image": make.upload(b"0" * 200_000)})
    assert request.FILES["image"].size == sum(received) == 200_000


def test_a_large_file_does_not_spoil_the_one_after_it(settings, received):
    settings.MAX_IMAGE_BYTES = 200_000
    files = {"image": [make.upload(b"0" * 900_000), make.upload(b"1" * 1000)]}
    _large, small = RequestFactory().post("/", files).FILES.getlist("image")
    assert small.read() == b"1" * 1000
