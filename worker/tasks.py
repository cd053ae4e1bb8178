"""The Celery tasks. Their messages are bells: they carry nothing, and losing one costs seconds."""

from datetime import timedelta

from celery import shared_task

from classifier import bell
from classifier.models import Prediction, Worker
from worker import micro_batches, process

FORGET_WORKERS_AFTER = timedelta(days=1)


@shared_task(name=bell.TASK)
def classify() -> None:
    """Answer the bell: classify what waits."""
    micro_batches.run(process.model())


@shared_task(name="worker.tasks.sweep")
def sweep() -> None:
    """Free the rows of lost workers, and ring for whatever waits: a bell may have been lost."""
    Prediction.objects.free_lost()
    Worker.objects.forget_silent(FORGET_WORKERS_AFTER)
    if Prediction.objects.waiting().exists():
        bell.ring()
