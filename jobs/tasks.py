"""The Celery tasks that need no model. Like the bell, their messages carry nothing that may not be
lost: what is to be done stands in tables, and the schedule asks again."""

from datetime import timedelta

from celery import shared_task

from classifier import bell
from classifier.models import Batch, IdempotencyKey, Prediction, Worker

FORGET_WORKERS_AFTER = timedelta(days=1)


@shared_task(name="jobs.tasks.sweep")
def sweep() -> None:
    """Free the rows of lost workers, settle what a crash left, and ring for whatever waits: a
    bell may have been lost."""
    Prediction.objects.free_lost()
    Batch.objects.settle()
    for batch in Batch.objects.abandoned():
        batch.forget()
    IdempotencyKey.objects.expired().delete()
    Worker.objects.forget_silent(FORGET_WORKERS_AFTER)
    if Prediction.objects.waiting().exists():
        bell.ring()
