"""The Celery tasks that need no model. Like the bell, their messages carry nothing that may not be
lost: what is to be done stands in tables, and the schedule asks again."""

import logging
import threading
from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from classifier import bell, exports, orphans, queues, recalls, retention
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

logger = logging.getLogger(__name__)

FORGET_WORKERS_AFTER = timedelta(days=1)
_recalling = threading.Lock()


@shared_task(name="jobs.tasks.sweep")
def sweep() -> None:
    """Free the rows of lost workers, settle what a crash left, and ring for whatever waits: a
    bell may have been lost."""
    Prediction.objects.free_lost()
    Correction.objects.free_lost()
    Batch.objects.settle()
    for batch in Batch.objects.abandoned():
        batch.forget()
    for export in Export.objects.expired():
        export.erase()
    IdempotencyKey.objects.expired().delete()
    WebhookDelivery.objects.forget_old()
    Worker.objects.forget_silent(FORGET_WORKERS_AFTER)
    queues.settle_drained()
    if Prediction.objects.waiting().exists() or Correction.objects.waiting().exists():
        bell.ring()


@shared_task(name="jobs.tasks.recall")
def recall() -> None:
    """Go on with the recalls: find the answers of those whose finder died, complete the rest. One
    thread at a time, for finding may take longer than the schedule's pause."""
    if _recalling.acquire(blocking=False):
        try:
            recalls.settle()
        finally:
            _recalling.release()


@shared_task(name="jobs.tasks.purge")
def purge() -> None:
    """Erase what was deleted for long enough, and what is older than is kept."""
    retention.empty_trash()
    retention.keep_days()


@shared_task(name="jobs.tasks.tidy")
def tidy() -> None:
    """Remove what belongs to nobody any more: files of requests that died, sessions that ended."""
    if removed := orphans.remove():
        logger.info("Removed %d files without a row", removed)
    SessionStore.clear_expired()


@shared_task(name=bell.WEBHOOKS)
def send_webhooks() -> None:
    """Send what is due."""
    bell.answer(bell.WEBHOOKS)
    send_due()


@shared_task(name=bell.EXPORTS)
def write_exports() -> None:
    """Write the files that were asked for."""
    bell.answer(bell.EXPORTS)
    exports.write_waiting()
