"""An accepted upload: the original and its preview."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.owner import Owned, OwnedQuerySet, Owner

if TYPE_CHECKING:
    from classifier.images import Accepted

NAME_LENGTH = 255


class ImageQuerySet(OwnedQuerySet["Image"]):
    def keep(self, accepted: "Accepted", name: str, owner: Owner) -> "Image":
        """Store an accepted upload's files, then its row. The files are on disk when this returns.

        The original is kept as sent; it is never served. An image whose own bytes serve as its
        preview is stored once.
        """
        image = self.store(accepted, name, owner)
        image.save(force_insert=True)
        return image

    def store(self, accepted: "Accepted", name: str, owner: Owner) -> "Image":
        """The same without the row, which the caller inserts, with others perhaps."""
        image = Image(
            name=printable(name),
            sha256=accepted.sha256,
            width=accepted.width,
            height=accepted.height,
            byte_size=len(accepted.original),
            **owner.fields(),
        )
        image.original.save("", ContentFile(accepted.original), save=False)
        if accepted.preview is accepted.original:
            image.preview.name = image.original.name
        else:
            image.preview.save("", ContentFile(accepted.preview), save=False)
        return image


def original_path(image: "Image", _name: str) -> str:
    return f"{image.id.hex[-2:]}/{image.id.hex}.jpg"


def preview_path(image: "Image", _name: str) -> str:
    return f"{image.id.hex[-2:]}/{image.id.hex}.preview.jpg"


class Image(Owned):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("file name"), max_length=NAME_LENGTH, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, db_index=True)
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    byte_size = models.PositiveIntegerField(_("bytes"))
    original = models.FileField(_("original"), upload_to=original_path, max_length=120)
    preview = models.FileField(_("preview"), upload_to=preview_path, max_length=120)
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now, editable=False)

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name or str(self.id)

    def read_preview(self) -> bytes:
        with self.preview.open("rb") as file:
            return bytes(file.read())

    def erase(self) -> None:
        """Delete the row and every answer about it, then, once that is committed, the files."""
        files = self._files()
        with transaction.atomic():
            self.predictions.all().erase()
            self.delete()
            for name, storage in files.items():
                transaction.on_commit(partial(storage.delete, name))

    def delete_files(self) -> None:
        """For an image whose row was never committed."""
        for name, storage in self._files().items():
            storage.delete(name)

    def _files(self) -> dict[str, Storage]:
        """By name; the original and the preview may be one file."""
        return {file.name: file.storage for file in (self.original, self.preview) if file.name}


def printable(name: Any) -> str:
    """A file name that is safe to show: no path, no control or direction characters."""
    base = str(name).replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in base if c.isprintable()).strip()[:NAME_LENGTH]
