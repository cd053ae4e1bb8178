"""An accepted upload: the original and its preview."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.ids import uuid7
from classifier.models.inserting import insert
from classifier.models.owner import Owned, Owner
from classifier.models.quarantine import Quarantinable
from classifier.models.trash import Trashable, TrashQuerySet, stopped_by_trash
from classifier.storage import DurableFileSystemStorage

if TYPE_CHECKING:
    from classifier.images import Accepted

logger = logging.getLogger(__name__)

NAME_LENGTH = 255


class ImageQuerySet(TrashQuerySet["Image"]):
    def keep(self, accepted: "Accepted", name: str, owner: Owner) -> "Image":
        """Store an accepted upload's files, then its row. The files are on disk when this returns.

        The original is kept as sent; it is never served. An image whose own bytes serve as its
        preview is stored once.
        """
        image = self.store(accepted, name, owner)
        insert(image)
        return image

    def erase_each(self, images: Iterable["Image"]) -> int:
        """Erase them; one whose files cannot be deleted now stays condemned, until the trash is
        emptied again. Returns how many are gone."""
        return sum(_is_gone(image, image.erase) for image in images)

    def erase_still(self, images: Iterable["Image"]) -> list["Image"]:
        """The same, but only those that are still among these rows when their turn comes; returns
        which are gone."""
        return [i for i in images if _is_gone(i, partial(i.erase, among=self))]

    def store(self, accepted: "Accepted", name: str, owner: Owner) -> "Image":
        """The same without the row, which the caller inserts."""
        image = Image(
            name=printable(name),
            sha256=accepted.sha256,
            width=accepted.width,
            height=accepted.height,
            byte_size=len(accepted.original),
            **owner.fields(),
        )
        image.write_files(accepted)
        return image

    def pack(self, contents: Sequence[bytes]) -> list[str]:
        """Write small pictures into one file: one write to the disk. Returns the names by which
        they may be read."""
        pack = uuid7().hex
        return _storage().save_pack(f"{pack[-2:]}/{pack}.pack", contents)


def _is_gone(image: "Image", erase: Callable[[], bool]) -> bool:
    try:
        return erase()
    except OSError:
        logger.exception("The files of the image %s cannot be deleted", image.pk)
        return False


def read_file(name: str) -> bytes:
    """An original or a preview by its name. Raises OSError where it is gone."""
    with _storage().open(name, "rb") as file:
        return bytes(file.read())


def _storage() -> DurableFileSystemStorage:
    return cast(DurableFileSystemStorage, Image._meta.get_field("original").storage)


def original_path(image: "Image", _name: str) -> str:
    return f"{image.id.hex[-2:]}/{image.id.hex}.jpg"


def preview_path(image: "Image", _name: str) -> str:
    return f"{image.id.hex[-2:]}/{image.id.hex}.preview.jpg"


class Image(Owned, Trashable, Quarantinable):
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
        indexes = (
            models.Index(fields=("created_at", "id"), name="image_by_age"),
            models.Index(
                fields=("trashed_at",),
                name="image_in_trash",
                condition=Q(trashed_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.name or str(self.id)

    def write_files(self, accepted: "Accepted") -> None:
        """They are on disk when this returns; where one cannot be written, neither is left."""
        try:
            self.original.save("", ContentFile(accepted.original), save=False)
            if accepted.preview is accepted.original:
                self.preview.name = self.original.name
            else:
                self.preview.save("", ContentFile(accepted.preview), save=False)
        except BaseException:
            self.delete_files()
            raise

    def read_preview(self) -> bytes:
        with self.preview.open("rb") as file:
            return bytes(file.read())

    def trash(self) -> None:
        """Put it out of sight, with every answer about it, until it is restored or erased."""
        with transaction.atomic():
            if Image.objects.filter(pk=self.pk).trash():
                self.predictions.all().hide_answers()
                self.predictions.all().cancel()

    def restore(self) -> bool:
        """Bring it back from the trash; what waited is queued again. False where it cannot be."""
        with transaction.atomic():
            stopped = list(stopped_by_trash(self.predictions.all()).values_list("pk", flat=True))
            restored = Image.objects.filter(pk=self.pk).restore()
            if restored:
                self.predictions.filter(pk__in=stopped).retry()
        return bool(restored)

    def erase(self, robust: bool = False, among: ImageQuerySet | None = None) -> bool:
        """Forget every answer about it; then, once that is committed, delete files and row. False,
        and nothing is done, where it is none of the rows `among` which it is to be. Where the files
        cannot be deleted, OSError is raised, or only logged if `robust`."""
        rows = Image.objects.all() if among is None else among
        with transaction.atomic():
            # Held first: whoever asks about it meanwhile holds it too, and is then seen.
            list(Image.objects.filter(pk=self.pk).select_for_update(no_key=True).values("pk"))
            if not rows.filter(pk=self.pk).condemn():
                return False
            self.predictions.all().erase()
            transaction.on_commit(self._finish_erasing, robust=robust)
        return True

    def _finish_erasing(self) -> None:
        # The row last: as long as it is there, the next emptying of the trash finds the files.
        self.delete_files()
        with transaction.atomic():
            if self.predictions.exists():  # asked for while it was being condemned
                self.predictions.all().erase()
            self.delete()

    def delete_files(self) -> None:
        for name, storage in self._files().items():
            storage.delete(name)

    def _files(self) -> dict[str, Storage]:
        """By name; the original and the preview may be one file."""
        return {file.name: file.storage for file in (self.original, self.preview) if file.name}


def printable(name: Any) -> str:
    """A file name that is safe to show: no path, no control or direction characters."""
    base = str(name).replace("\\", "/").rsplit("/", 1)[-1]
    return only_printable(base)[:NAME_LENGTH]


def only_printable(text: str) -> str:
    """Without control and direction characters, and space around."""
    if not text.isprintable():  # rarely
        text = "".join(c for c in text if c.isprintable())
    return text.strip()
