"""The Celery tasks that need no model. Like the bell, their messages carry nothing that may not be
lost: what is to be done stands in tables, and the schedule asks again."""

import logging
from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from classifier import bell, exports, orphans, queues, recalls, retention, temporary
from classifier.models import (
    Batch,
    Correction,
    Export,
    IdempotencyKey,
    Prediction,
    WebhookDelivery,
    Worker,
)
from classifier.webhooks.sending import send_due
from jobs.limits import at_most

logger = logging.getLogger(__name__)

FORGET_WORKERS_AFTER = timedelta(days=1)


@shared_task(name="jobs.tasks.sweep")
def sweep() -> None:
    """Free the rows of lost workers, ring for whatever waits, since a bell may have been lost, and
    settle what a crash left."""
    Prediction.objects.free_lost()
    Correction.objects.free_lost()
    if Prediction.objects.waiting().exists() or Correction.objects.any_waits():
        bell.ring()  # first: what may fail below must keep no work waiting
    Batch.objects.settle()
    IdempotencyKey.objects.expired().delete()
    WebhookDelivery.objects.forget_old()
    Worker.objects.forget_silent(FORGET_WORKERS_AFTER)
    queues.settle_drained()
    _forget_dead_batches()
    Export.objects.expired().erase_each()


@at_most(1)
def _forget_dead_batches() -> None:
    """Their requests died while they were sent; one may have brought many pictures."""
    for batch in Batch.objects.abandoned():
        batch.forget()


@shared_task(name="jobs.tasks.recall")
@at_most(1)
def recall() -> None:
    """Go on with the recalls: find the answers of those whose finder died, complete the rest."""
    recalls.settle()


@shared_task(name="jobs.tasks.purge")
@at_most(1)
def purge() -> None:
    """Erase what was deleted for long enough, and what is older than is kept."""
    retention.empty_trash()
    retention.keep_days()


@shared_task(name="jobs.tasks.tidy")
@at_most(1)
def tidy() -> None:
    """Remove what belongs to nobody any more: files of requests that died, sessions that ended."""
    if removed := orphans.tidy():
        logger.info("Removed %d files without a row", removed)
    temporary.tidy()
    SessionStore.clear_expired()


@shared_task(name=bell.WEBHOOKS)
def send_webhooks() -> None:
    """Send what is due."""
    bell.answer(bell.WEBHOOKS)
    _send_due()


@at_most(4)  # each may wait for a receiver, fifteen seconds at a time
def _send_due() -> None:
    send_due()


@shared_task(name=bell.EXPORTS)
def write_exports() -> None:
    """Write the files that were asked for."""
    bell.answer(bell.EXPORTS)
    _write_waiting()


@at_most(2)
def _write_waiting() -> None:
    exports.write_waiting()
