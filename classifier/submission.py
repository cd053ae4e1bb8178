"""From an uploaded file to a queued prediction, for the page and the API alike."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from rest_framework.request import Request

from classifier import bell
from classifier.images import accept
from classifier.models import Image, Owner, Prediction
from classifier.problems import Problem


def submit(request: Request | HttpRequest, file: Any) -> Prediction:
    """Accept one uploaded file and queue its prediction, both in one transaction; then ring."""
    if file.size > settings.MAX_IMAGE_BYTES:
        raise Problem("IMAGE_TOO_LARGE")
    accepted = accept(file.read())
    owner = Owner.of(request, create=True)
    with transaction.atomic():
        image = Image.objects.keep(accepted, name=file.name, owner=owner)
        prediction = Prediction.objects.ask(image)
        transaction.on_commit(bell.ring)
    return prediction
