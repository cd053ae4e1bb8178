"""Makes answers that the random audit has drawn, and what reviewers said of them."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from classifier import ids
from classifier.models import Prediction, Result, Review, ReviewTask, Stream
from classifier.models.review import Word
from tests import make


def as_staff(user: User) -> User:
    user.is_staff = True
    user.save()
    return user


def reviewer(name: str = "rita") -> User:
    return User.objects.filter(username=name).first() or make.user(name, is_staff=True)


def result(label: str = "dog", confidence: float = 0.7) -> Result:
    others = (1 - confidence) / (len(make.CLASSES) - 1)
    chances = [confidence if c["id"] == label else others for c in make.CLASSES]
    return Result(label=label, confidence=confidence, probabilities=chances)


def audited(
    answer: str = "dog",
    truth: str | None = None,
    share: float = 0.5,
    confidence: float = 0.7,
    at: datetime | None = None,
    **fields: Any,
) -> Prediction:
    """An answer that was drawn with that probability; `truth` is what a reviewer said of it ("" for
    none of the classes), None where nobody has looked; `at` is when it was asked for. `fields` are
    set on the row as they are."""
    row = make.answer(asked(at), result(answer, confidence))
    ReviewTask.objects.filter(prediction=row, stream=Stream.AUDIT).delete()
    ReviewTask.objects.create(prediction=row, stream=Stream.AUDIT, inclusion_probability=share)
    if truth is not None:
        say(row, truth)
    if fields:
        Prediction.objects.filter(pk=row.pk).update(**fields)
    row.refresh_from_db()
    return row


def asked(at: datetime | None) -> Prediction:
    """A prediction that was sent at that moment, as its identifier says too."""
    if at is None:
        return Prediction.objects.ask(make.image())
    pk = uuid.UUID(int=ids.first_at(at).int | uuid.uuid4().int % 2**62)
    return Prediction.objects.ask(make.image(), id=pk, created_at=at, queued_at=at)


def say(row: Prediction, truth: str, by: str = "rita") -> Review:
    (review,) = Review.objects.say(reviewer(by), [Word(row.pk, truth)]).values()
    return review
