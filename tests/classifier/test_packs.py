"""Small pictures of a batch lie in one file; nobody but the storage notices."""

import concurrent.futures
import io
import os
import tarfile
import time
import zipfile

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from classifier import backup, orphans
from classifier.exports import Writer
from classifier.images import PACKED_BYTES
from classifier.models import Export, Image, Owner, Prediction
from classifier.storage import DurableFileSystemStorage
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
CONTENTS = [b"first", b"second one", b"3"]
LARGE = make.jpeg(900, 600)


@pytest.fixture
def storage(tmp_path) -> DurableFileSystemStorage:
    return DurableFileSystemStorage(tmp_path)


@pytest.fixture
def parts(storage) -> list[str]:
    return storage.save_pack("ab/x.pack", CONTENTS)


def send(client: Client, *contents: bytes) -> list[Prediction]:
    files = [SimpleUploadedFile(f"{n}.jpg", content) for n, content in enumerate(contents)]
    response = client.post("/api/v1/batches", {"image": files})
    assert response.status_code == 202, response.content
    rows = Prediction.objects.filter(batch=response.json()["id"])
    return list(rows.select_related("image").order_by("position"))


def small(count: int) -> list[bytes]:
    return [make.noise_jpeg(seed, side=24) for seed in range(count)]


def files(media) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def test_each_part_is_read_as_it_was_written(storage, parts, tmp_path):
    assert [storage.open(name).read() for name in parts] == CONTENTS
    assert [storage.size(name) for name in parts] == [5, 10, 1]
    assert all(map(storage.exists, parts))
    assert len(set(map(storage.get_modified_time, parts))) == 1
    assert [path.name for path in (tmp_path / "ab").iterdir()] == ["x.pack"]


def test_a_deleted_part_leaves_no_trace_of_its_bytes_and_the_others_as_they_are(
    storage, parts, tmp_path
):
    storage.delete(parts[1])
    assert b"second" not in (tmp_path / "ab/x.pack").read_bytes()
    assert not storage.exists(parts[1])
    with pytest.raises(FileNotFoundError):
        storage.open(parts[1])
    assert [storage.open(parts[n]).read() for n in (0, 2)] == [b"first", b"3"]


def test_deleting_twice_is_deleting_once(storage, parts):
    storage.delete(parts[0])
    storage.delete(parts[0])
    assert storage.open(parts[1]).read() == b"second one"


def test_a_pack_goes_with_its_last_part(storage, parts, tmp_path):
    for name in parts:
        storage.delete(name)
    assert not (tmp_path / "ab/x.pack").exists()
    storage.delete(parts[0])  # as whoever was killed before it could note that


def test_of_many_that_delete_at_once_one_takes_the_pack_away(storage, tmp_path):
    for round_ in range(20):
        names = storage.save_pack(f"ab/{round_}.pack", [bytes([n + 1]) * 500 for n in range(16)])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(storage.delete, names))
    assert list((tmp_path / "ab").iterdir()) == []


@pytest.mark.parametrize("name", ["ab/x.pack#14+3", "ab/x.pack#99+5", "ab/other.pack#0+5"])
def test_what_no_pack_holds_is_not_there(storage, parts, name):
    assert not storage.exists(name)
    with pytest.raises(FileNotFoundError):
        storage.open(name)


def test_a_batch_s_small_pictures_are_one_file(client, media):
    contents = small(5)
    rows = send(client, *contents)
    (name,) = files(media)
    assert name.endswith(".pack")
    assert [row.image.read_preview() for row in rows] == contents
    assert [row.image.original.read() for row in rows] == contents


def test_large_pictures_keep_files_of_their_own(client, media):
    padded = make.noise_jpeg(1, side=250)
    assert len(padded) > PACKED_BYTES  # plain, and too large to gather in memory
    send(client, LARGE, padded, *small(2))
    assert [name.rsplit(".", 1)[1] for name in files(media)].count("pack") == 1
    assert len(files(media)) == 4  # the pack, the large one with its preview, the padded one


def test_a_packed_picture_is_served_like_any_other(client):
    row = send(client, *small(3))[1]
    response = client.get(reverse("image", args=[row.image_id]))
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Length"] == str(row.image.byte_size)
    assert b"".join(response.streaming_content) == small(3)[1]


def test_erasing_a_picture_takes_its_bytes_out_of_the_pack(client, media):
    contents = small(3)
    rows = send(client, *contents)
    rows[1].image.erase()
    (pack,) = media.rglob("*.pack")
    assert contents[1] not in pack.read_bytes()
    assert rows[2].image.read_preview() == contents[2]
    for row in (rows[0], rows[2]):
        row.image.erase()
    assert files(media) == []


def test_a_chunk_that_is_not_committed_leaves_no_pack(client, media, monkeypatch):
    def refuse(_rows):
        raise RuntimeError("no")

    monkeypatch.setattr("classifier.models.inserting.Rows.insert", refuse)
    client.raise_request_exception = False
    sent = [SimpleUploadedFile(f"{n}.jpg", content) for n, content in enumerate(small(3))]
    assert client.post("/api/v1/batches", {"image": sent}).status_code == 500
    assert files(media) == [] and not Image.objects.exists()


def make_old(media) -> None:
    then = time.time() - 25 * 3600
    for path in media.rglob("*.pack*"):
        os.utime(path, (then, then))


def test_a_pack_with_a_row_is_kept_whatever_else_was_deleted(client, media):
    rows = send(client, *small(3))
    rows[0].image.erase()
    make_old(media)
    assert orphans.remove() == 0
    assert rows[1].image.read_preview()


def test_a_pack_is_kept_even_if_the_clock_was_set_back_while_it_was_written(client, media):
    row = send(client, *small(1))[0]
    old = row.image.original.name
    early = f"{'0' * 31}1"
    renamed = old.replace(old.split("/")[1].split(".")[0], early)
    source, target = old.split("#")[0], renamed.split("#")[0]
    default_storage.save(target, ContentFile(default_storage.open(source).read()))
    Image.objects.update(original=renamed, preview=renamed)
    make_old(media)
    assert [name.split("/")[1] for name in orphans.files_without_row()] == [source.split("/")[1]]


def test_a_pack_without_rows_goes(client, media):
    send(client, *small(3))
    Prediction.objects.all().delete()
    Image.objects.all().delete()
    make_old(media)
    assert orphans.remove() == 1
    assert files(media) == []


def test_a_row_whose_part_is_gone_is_found(client, media):
    rows = send(client, *small(3))
    default_storage.delete(rows[1].image.original.name)
    assert [image.pk for image in orphans.rows_without_file()] == [rows[1].image_id]


def test_a_backup_holds_a_pack_once_and_it_can_be_read_where_it_is_restored(client, tmp_path):
    contents = small(3)
    rows = send(client, *contents)
    assert backup.write(tmp_path / "kadr.tar", with_database=False).files == 1
    with tarfile.open(tmp_path / "kadr.tar") as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    restored = DurableFileSystemStorage(tmp_path / "restored" / "images")
    assert [restored.open(row.image.original.name).read() for row in rows] == contents


def test_an_export_with_pictures_reads_them_from_the_pack(client):
    contents = small(2)
    rows = send(client, *contents)
    for row in rows:
        make.answer(row)
    owner = Owner(visitor=rows[0].visitor)
    export = Export.objects.create(format="zip", **owner.fields())
    Export.objects.filter(pk=export.pk).update(status="running")
    out = io.BytesIO()
    export.hold_on = lambda _rows: True
    Writer(export).archive(out)
    out.seek(0)
    with zipfile.ZipFile(out) as archive:
        pictures = [archive.read(n) for n in archive.namelist() if n.endswith(".jpg")]
    assert sorted(pictures) == sorted(contents)
