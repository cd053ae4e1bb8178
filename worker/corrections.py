"""Answers of withdrawn versions, asked again: claim, read, predict, replace, one micro-batch."""

import logging
import uuid
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from classifier.models import Correction
from ml import preprocess
from worker.tally import tally

if TYPE_CHECKING:
    from worker.process import ServedModel

logger = logging.getLogger(__name__)


def run_one(model: "ServedModel") -> int:
    """Check one micro-batch of answers again; returns how many were claimed."""
    if not Correction.objects.any_waits():  # cheaper than a claim, and nearly always so
        return 0
    rows = Correction.objects.claim(settings.MICRO_BATCH, model.version, model.worker)
    if rows:
        assert rows[0].fence is not None
        _answer(rows, rows[0].fence, model)
    return len(rows)


def _answer(rows: list[Correction], fence: uuid.UUID, model: "ServedModel") -> None:
    inputs = _read(rows, fence, model.input_size)
    if not inputs:
        return
    try:
        answers = model.runtime.predict(np.stack(list(inputs.values())))
    except Exception:
        logger.exception("The model failed on %d answers to be checked again", len(inputs))
        model.check()
        for pk in inputs:
            Correction.objects.give_back(fence, pk, "INFERENCE_FAILED")
        return
    results = dict(zip(inputs, map(model.result, *answers), strict=True))
    tally.note(Correction.objects.publish(fence, model.version, results))


def _read(rows: list[Correction], fence: uuid.UUID, size: int) -> dict[int, np.ndarray]:
    """The network's inputs, (size, size, 3) uint8, by row; what cannot be read is given back."""
    inputs = {}
    for row in rows:
        image = row.prediction.image
        try:
            if image is None:
                raise OSError("it was erased")
            inputs[row.pk] = preprocess.from_jpeg(image.read_preview(), size)
        except (OSError, preprocess.UnreadableImage) as error:
            logger.warning("The preview of %s could not be read: %s", row.prediction_id, error)
            Correction.objects.give_back(fence, row.pk, "PREVIEW_UNREADABLE")
    return inputs
