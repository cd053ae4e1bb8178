"""Where files lie while something is written, and what is left of those that were killed."""

import errno
import os
import shutil
import time

import pytest

from classifier import spool, temporary


@pytest.fixture(autouse=True)
def place(settings, tmp_path):
    settings.TEMPORARY = tmp_path / "data" / "tmp"
    return settings.TEMPORARY


def test_a_file_lies_on_the_disk_of_the_data_without_a_name(place):
    with temporary.file() as file:
        file.write(b"some")
        file.flush()
        assert os.fstat(file.fileno()).st_dev == place.stat().st_dev
        assert list(place.iterdir()) == []


def test_what_is_sent_in_a_batch_is_spooled_there(place):
    handler = spool.SpoolUploadHandler()
    assert place.is_dir()
    handler.spool.close()


def test_the_place_is_private(place):
    temporary.file().close()
    assert place.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_goes_after_a_day_and_nothing_that_is_new(place):
    with temporary.folder() as new:
        for name in ("old-folder", "old-file"):
            (place / name).mkdir() if "folder" in name else (place / name).touch()
            before = time.time() - temporary.OLD - 60
            os.utime(place / name, (before, before))
        assert temporary.tidy() == 2
        assert [str(path) for path in place.iterdir()] == [new]


def test_what_cannot_be_removed_keeps_nothing_else_from_it(place, monkeypatch):
    """A folder that root's backup has left, say."""
    temporary.file().close()
    before = time.time() - temporary.OLD - 60
    for name in ("a", "b", "c"):
        (place / name).mkdir()
        os.utime(place / name, (before, before))
    remove = shutil.rmtree

    def not_b(path, *args, **kwargs):
        if path.name == "b":
            raise PermissionError(errno.EACCES, "Permission denied")
        remove(path, *args, **kwargs)

    monkeypatch.setattr("classifier.temporary.shutil.rmtree", not_b)
    assert temporary.tidy() == 2
    assert [path.name for path in place.iterdir()] == ["b"]


def test_without_a_place_there_is_nothing_to_tidy():
    assert temporary.tidy() == 0
