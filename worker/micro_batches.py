"""Claim, read, predict, publish: one micro-batch after another until nothing waits."""

import logging
import time
import uuid
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from classifier import bell
from classifier.models import Prediction
from classifier.models.prediction_queue import INTERACTIVE
from ml import preprocess
from worker import corrections, turn
from worker.tally import tally
from worker.watchdog import watchdog

if TYPE_CHECKING:
    from worker.process import ServedModel

logger = logging.getLogger(__name__)

# A run ends after so long even when more waits, so that a worker asked to stop does so soon.
RUN_SECONDS = 5


def run(model: "ServedModel") -> None:
    """Work until nothing waits or the time is up; then ring, so that the rest is not forgotten."""
    bell.answer()
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end and not turn.ending.is_set():
        with turn.micro_batch, watchdog.guard():
            rows = Prediction.objects.claim(settings.MICRO_BATCH, worker=model.worker)
            if len(rows) == settings.MICRO_BATCH:
                bell.ring()  # there may be more, for a worker that is idle
            if rows:
                answer(rows, model)
            # What is checked again takes turns with batches, and waits while people do.
            interactive = any(row.priority == INTERACTIVE for row in rows)
            if not interactive and not corrections.run_one(model) and not rows:
                return
    bell.ring()


def answer(rows: list[Prediction], model: "ServedModel") -> None:
    """Publish a result for each claimed row, or give it back."""
    fence = rows[0].fence
    assert fence is not None
    inputs = read(rows, model.input_size)
    if not inputs:
        return
    try:
        answers = model.runtime.predict(np.stack(list(inputs.values())))
    except Exception:
        logger.exception("The model failed on a micro-batch of %d", len(inputs))
        model.check()  # ends the process where the fault is its own; the leases then run out
        for pk in inputs:
            Prediction.objects.give_back(fence, pk, "INFERENCE_FAILED")
        return
    results = dict(zip(inputs, map(model.result, *answers), strict=True))
    published = Prediction.objects.publish(fence, model.version, results)
    tally.note(published)
    if published < len(results):
        logger.warning("%d results came too late and were dropped", len(results) - published)


def read(rows: list[Prediction], size: int) -> dict[uuid.UUID, np.ndarray]:
    """The network's inputs, (size, size, 3) uint8, by row; what cannot be read is given back."""
    inputs = {}
    for row in rows:
        try:
            assert row.image is not None, "what is unfinished has an image"
            if row.is_withheld:  # asked for while it was being set aside
                Prediction.objects.filter(pk=row.pk).cancel()
                continue
            inputs[row.pk] = preprocess.from_jpeg(row.image.read_preview(), size)
        except (OSError, preprocess.UnreadableImage) as error:
            logger.warning("The preview of %s could not be read: %s", row.pk, error)
            assert row.fence is not None
            Prediction.objects.give_back(row.fence, row.pk, "PREVIEW_UNREADABLE")
    return inputs
