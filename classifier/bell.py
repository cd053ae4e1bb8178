"""The bells that wake the worker and the jobs. They carry nothing, may be lost, and never fail a
request.

Rings coalesce: while one that nobody has answered yet is in the queue, no other is sent for a few
seconds. While no worker runs, those that the sweep sends pile up, and expire.

One that nobody needs is sent every few seconds too, as the canary: whether bells were answered
lately shows whether messages reach a worker, which neither the broker's nor the worker's own pulse
does.
"""

import logging

from celery import current_app
from django.core.cache import cache
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

TASK = "worker.tasks.classify"
WEBHOOKS, EXPORTS = "jobs.tasks.send_webhooks", "jobs.tasks.write_exports"
UNANSWERED, HEARD = "bell", "heard"
EXPIRES = 30  # seconds after which nobody need answer: the sweep has rung again
HEARD_SECONDS = 30  # a worker may be busy with a micro-batch while the canary waits
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
    """Let the next submission ring again. For whoever runs `task`, before it claims."""
    try:
        cache.delete(_key(task))
    except RedisError as error:
        logger.warning("The bell was not reset, it resets itself: %s", error)


def note_heard() -> None:
    """That one reached a worker. For a worker, once nobody waits for it any more."""
    try:
        cache.set(HEARD, 1, timeout=HEARD_SECONDS)
    except RedisError as error:
        logger.warning("It was not noted that a bell was heard: %s", error)


def heard() -> bool:
    """Whether one reached a worker lately. Raises RedisError where the broker does not say."""
    return cache.get(HEARD) is not None


def _key(task: str) -> str:
    return f"{UNANSWERED}:{task}"
