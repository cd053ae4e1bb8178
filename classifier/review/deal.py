"""Who gets which images: a few at a time, each locked for the reviewer who has it and their tab."""

import uuid
from collections.abc import Collection

from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import Exists, OuterRef

from classifier.models import Prediction, ReviewLock
from classifier.review.orders import ORDERS

TRIES = 3  # how often what another was quicker to take is made up for


def deal(
    reviewer: User, order: str, n: int, have: Collection[uuid.UUID], page: str = ""
) -> list[Prediction]:
    """Up to n answers in that order, whose images the reviewer's page now holds and had not
    (`have`)."""
    _name, query = ORDERS[order]
    elsewhere = ReviewLock.objects.by_others(reviewer, page).filter(image=OuterRef("image"))
    rows = (
        query(reviewer)
        .filter(~Exists(elsewhere))
        .select_related("image", "model")
        .prefetch_related("review_tasks")
    )
    dealt: dict[uuid.UUID, Prediction] = {}
    for _try in range(TRIES):
        wanted = n - len(dealt)
        found = list(rows.exclude(image__in=[*have, *dealt])[:wanted])
        by_image: dict[uuid.UUID, Prediction] = {}
        for row in found:  # of several answers about one image the first will do
            by_image.setdefault(_image(row), row)
        got = take(reviewer, by_image, page)
        dealt |= {image: row for image, row in by_image.items() if image in got}
        if len(dealt) >= n or len(found) < wanted:
            break
    return list(dealt.values())


def _image(row: Prediction) -> uuid.UUID:
    assert row.image_id is not None, "what is dealt has a picture"
    return row.image_id


def take(reviewer: User, images: Collection[uuid.UUID], page: str) -> set[uuid.UUID]:
    try:
        return ReviewLock.objects.take(reviewer, images, page)
    except IntegrityError:  # one of them was erased at this moment
        return set()
