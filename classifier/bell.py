"""The bells that wake the worker and the jobs. They carry nothing, may be lost, and never fail a
request.

Rings coalesce: while one that nobody has answered yet is in the queue, no other is sent for a few
seconds. While no worker runs, those that the sweep sends pile up, and expire.
"""

import logging

from celery import current_app
from django.core.cache import cache
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

TASK = "worker.tasks.classify"
WEBHOOKS, EXPORTS = "jobs.tasks.send_webhooks", "jobs.tasks.write_exports"
UNANSWERED = "bell"
EXPIRES = 30  # seconds after which nobody need answer: the sweep has rung again
UNANSWERED_SECONDS = 5  # a ring that was lost with its worker silences the next ones no longer


def ring(task: str = TASK) -> bool:
    """Wake whoever runs `task`; returns whether a message went out. For after the commit."""
    try:
        if not cache.add(_key(task), 1, timeout=UNANSWERED_SECONDS):
            return False
        current_app.send_task(task, retry=True, expires=EXPIRES)
    except (RedisError, KombuError, OSError) as error:
        logger.warning("The bell was not rung, the sweep will: %s", error)
        return False
    return True


def answer(task: str = TASK) -> None:
    """Let the next submission ring again. For a worker, before it claims."""
    try:
        cache.delete(_key(task))
    except RedisError as error:
        logger.warning("The bell was not reset, it resets itself: %s", error)


def _key(task: str) -> str:
    return f"{UNANSWERED}:{task}"
