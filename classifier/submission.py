"""From an uploaded file to a queued prediction, for the page and the API alike."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from rest_framework.request import Request

from classifier import bell, outages, queue_depth
from classifier.images import accept
from classifier.models import IdempotencyKey, Image, Owner, Prediction, Source
from classifier.models.inserting import insert
from classifier.problems import Problem


def submit(
    request: Request | HttpRequest,
    file: Any,
    key: IdempotencyKey | None = None,
    source: Source = Source.API,
    **asked: Any,
) -> Prediction:
    """Accept one uploaded file and queue its prediction, both in one transaction; then ring."""
    if file.size > settings.MAX_IMAGE_BYTES:
        raise Problem("IMAGE_TOO_LARGE")
    outages.check_room()
    queue_depth.check()
    accepted = accept(file.read())
    owner = Owner.of(request, create=True)
    # The files first: SQLite's one writer must not wait for a disk.
    image = Image.objects.store(accepted, name=file.name, owner=owner)
    try:
        with transaction.atomic():
            insert(image)
            return _queue(image, key, source=source, **asked)
    except BaseException as error:
        if not outages.may_be_committed(error):  # else the tidying decides (classifier/orphans.py)
            image.delete_files()
        raise


def ask_again(
    owner: Owner, image_id: Any, key: IdempotencyKey | None = None, **asked: Any
) -> Prediction:
    """Queue a prediction for a picture that was sent before."""
    queue_depth.check()
    with transaction.atomic():
        # Held, so that nobody deletes it before its prediction is there.
        images = Image.objects.present().owned_by(owner).select_for_update(no_key=True)
        image = images.filter(pk=image_id).first()
        if image is None:
            raise Problem("IMAGE_NOT_FOUND")
        if image.quarantined_at:
            raise Problem("IMAGE_WITHHELD")
        return _queue(image, key, source=Source.API, **asked)


def _queue(image: Image, key: IdempotencyKey | None, **asked: Any) -> Prediction:
    prediction = Prediction.objects.ask(image, **asked)
    if key:
        key.made(prediction.pk)
    transaction.on_commit(bell.ring, robust=True)
    return prediction
