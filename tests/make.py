"""Makes what tests need: JPEGs, images, predictions, a model version."""

import uuid
from typing import Any

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from classifier.images import accept
from classifier.models import Image, ModelVersion, Owner, Prediction, Result
from tests.jpegs import jpeg as jpeg
from tests.jpegs import noise_jpeg as noise_jpeg

CLASSES = [
    {"id": "cat", "uk": "кіт", "en": "cat"},
    {"id": "dog", "uk": "собака", "en": "dog"},
    {"id": "ship", "uk": "корабель", "en": "ship"},
]


def upload(content: bytes | None = None, name: str = "photo.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg() if content is None else content, "image/jpeg")


def visitor() -> Owner:
    return Owner(visitor=uuid.uuid4())


def user(name: str = "alice", **fields: Any) -> User:
    return User.objects.create_user(name, password="a long password", **fields)


def image(owner: Owner | None = None, content: bytes | None = None) -> Image:
    accepted = accept(jpeg() if content is None else content)
    return Image.objects.keep(accepted, name="photo.jpg", owner=owner or visitor())


def prediction(owner: Owner | None = None, **fields: Any) -> Prediction:
    """A queued prediction; `fields` are set on the row as they are."""
    row = Prediction.objects.ask(image(owner))
    if fields:
        Prediction.objects.filter(pk=row.pk).update(**fields)
        row.refresh_from_db()
    return row


def model_version(digest: str = "d" * 64) -> ModelVersion:
    return ModelVersion.objects.register(
        digest=digest, name="tiny", preprocessing="test-1", classes=CLASSES
    )


RESULT = Result(label="dog", confidence=0.7, probabilities=[0.2, 0.7, 0.1])


def answered(owner: Owner | None = None, result: Result = RESULT) -> Prediction:
    """A prediction that a worker has claimed and answered."""
    row = prediction(owner)
    return answer(row, result)


def answer(row: Prediction, result: Result = RESULT) -> Prediction:
    """Claim `row` as a worker does, and answer it."""
    (claimed,) = Prediction.objects.filter(pk=row.pk).claim(1, worker="test")
    assert claimed.fence
    Prediction.objects.publish(claimed.fence, model_version(), {row.pk: result})
    row.refresh_from_db()
    return row
