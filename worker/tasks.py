"""The Celery task that needs the model. Its message is a bell: it carries nothing, and losing one
costs seconds."""

from celery import shared_task

from classifier import bell
from worker import micro_batches, process


@shared_task(name=bell.TASK)
def classify() -> None:
    """Answer the bell: classify what waits."""
    micro_batches.run(process.model())
