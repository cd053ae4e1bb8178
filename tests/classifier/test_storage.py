"""Files: whole or not there at all, under names that nobody can guess or choose."""

import pytest
from django.core.files.base import ContentFile

from classifier.models import Image
from classifier.models.image import printable
from classifier.storage import DurableFileSystemStorage
from tests import make

pytestmark = pytest.mark.django_db


def test_a_crash_while_writing_leaves_no_file_under_the_final_name(tmp_path):
    class Breaks(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half of it"
            raise OSError("disk full")

    storage = DurableFileSystemStorage(tmp_path)
    with pytest.raises(OSError, match="disk full"):
        storage.save("a.jpg", Breaks(b""))
    assert not (tmp_path / "a.jpg").exists()


def test_a_refused_write_leaves_no_partial_file_behind(tmp_path):
    class Breaks(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half of it"
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        DurableFileSystemStorage(tmp_path).save("a.jpg", Breaks(b""))
    assert list(tmp_path.iterdir()) == []


def test_files_are_private_to_the_service(tmp_path):
    storage = DurableFileSystemStorage(tmp_path)
    storage.save("folder/a.jpg", ContentFile(b"x"))
    assert (tmp_path / "folder/a.jpg").stat().st_mode & 0o007 == 0


def test_the_uploaders_name_plays_no_part_in_where_a_file_lies(media):
    image = make.image()
    assert image.original.name == f"{image.id.hex[-2:]}/{image.id.hex}.jpg"


def test_a_small_plain_picture_is_stored_once(media):
    make.image(content=make.jpeg(32, 32))
    assert len([p for p in media.rglob("*") if p.is_file()]) == 1


def test_a_large_picture_is_stored_with_its_preview(media):
    image = make.image(content=make.jpeg(900, 900))
    assert image.read_preview() != image.original.read()
    assert len([p for p in media.rglob("*") if p.is_file()]) == 2


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\dog.jpg", "dog.jpg"),
        ("наяїве ☃ фото.jpg", "наяїве ☃ фото.jpg"),
        ("a\0b\nc\x1b.jpg", "abc.jpg"),
        ("gpj.\u202ecat.jpg", "gpj.cat.jpg"),
        ("n" * 400, "n" * 255),
        ("", ""),
    ],
)
def test_a_file_name_is_made_safe_to_show(sent, shown):
    assert printable(sent) == shown


def test_ids_sort_by_the_time_they_were_made():
    images = [make.image() for _ in range(3)]
    assert {image.id.version for image in images} == {7}
    times = [int(image.id.hex[:12], 16) for image in images]
    assert times == sorted(times)
    assert Image.objects.count() == len({image.id for image in images})
