"""A batch's pictures are stored as single ones are, only at less cost."""

import errno

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from classifier.images import accept
from classifier.intake import Intake, Item
from classifier.models import Batch, Image, Prediction
from classifier.models.image import only_printable
from classifier.models.incoming import Incoming
from classifier.storage import DurableFileSystemStorage
from tests import make

pytestmark = pytest.mark.django_db
OWN = ("id", "created_at", "original", "preview")
SMALL, LARGE = make.noise_jpeg(side=40), make.jpeg(600, 400)


def columns(image: Image) -> dict[str, object]:
    names = {field.attname for field in image._meta.concrete_fields} - {*OWN}
    return {name: getattr(image, name) for name in names}


def taken(owner, *items: Item) -> list[Image]:
    batch = Batch.objects.create(**owner.fields())
    Intake(batch, owner, {"top_k": 3}).fill(items, lambda: None)
    return [row.image for row in batch.items.order_by("position").select_related("image")]


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["in a pack", "in files of its own"])
@pytest.mark.parametrize("name", ["a/b/cat.jpg", "кіт\u202e.jpg", "x" * 300])
def test_a_picture_of_a_batch_has_the_row_of_one_that_came_alone(alice, data, name):
    (one,) = taken(alice, Item(name[-255:], data=data))
    alone = Image.objects.keep(accept(data), name[-255:], alice)
    assert columns(one) == columns(alone)
    assert one.original.read() == alone.original.read() == data
    assert one.read_preview() == alone.read_preview()
    assert (one.original.name == one.preview.name) == (data is SMALL)


def test_it_was_uploaded_when_its_item_was_created(alice):
    taken(alice, Item("a", data=SMALL), Item("b", data=SMALL))
    first, second = Prediction.objects.select_related("image").order_by("position")
    assert first.created_at == first.image.created_at < second.created_at


def test_files_that_no_row_names_are_deleted_again():
    accepted = accept(LARGE)
    incoming = Incoming.of(accepted, "a.jpg", timezone.now())
    incoming.write_files(accepted)
    names = {incoming.original, incoming.preview}
    assert len(names) == 2 and all(map(default_storage.exists, names))
    incoming.delete_files()
    assert not any(map(default_storage.exists, names))


def alone(owner) -> None:
    Image.objects.keep(accept(LARGE), "a.jpg", owner)


def in_a_batch(owner) -> None:
    taken(owner, Item("a.jpg", data=LARGE))


@pytest.mark.parametrize("send", [alone, in_a_batch])
def test_of_a_picture_whose_preview_cannot_be_written_nothing_is_left(alice, monkeypatch, send):
    written, save = [], DurableFileSystemStorage._save

    def full_for_previews(storage, name, content):
        if ".preview." in name:
            raise OSError(errno.ENOSPC, "no space left")
        written.append(save(storage, name, content))
        return written[-1]

    monkeypatch.setattr(DurableFileSystemStorage, "_save", full_for_previews)
    with pytest.raises(OSError, match="no space left"):
        send(alice)
    (original,) = written
    assert not default_storage.exists(original)
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    ("text", "left"), [(" кіт.jpg ", "кіт.jpg"), ("a\x00b\u202ec\n", "abc"), ("\u200b", "")]
)
def test_only_what_can_be_seen_stays_of_a_name(text, left):
    assert only_printable(text) == left
