"""What a page says while answers are late: that they are, for how long by now, and that nothing is
lost by it."""

import logging
import time
from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from classifier import bell
from classifier.models import Prediction
from classifier.models.prediction_queue import INTERACTIVE

logger = logging.getLogger(__name__)

LATE = timedelta(seconds=15)  # of waiting, after which it is worth a word
FRESH_SECONDS = 5.0  # a frozen broker holds who asks it for a second, so it is asked seldom
_asked_at = float("-inf")
_heard = False


def notice() -> str:
    """A sentence for people; "" while all is well."""
    waited = _longest_wait()
    if waited > LATE:
        return _(
            "Answers are late at the moment: the oldest picture has waited for %(time)s. "
            "What you send is kept and will be answered."
        ) % {"time": in_words(waited)}
    if _worker_is_heard():
        return ""
    return _("No worker answers at the moment. What you send is kept and will be answered.")


def _longest_wait() -> timedelta:
    """Of what was sent by itself; items of batches come after it, and may well wait for long."""
    rows = Prediction.objects.waiting().filter(priority=INTERACTIVE).order_by("queued_at", "pk")
    since = rows.values_list("queued_at", flat=True).first()
    return max(timezone.now() - since, timedelta()) if since else timedelta()


def in_words(time: timedelta) -> str:
    if time < timedelta(minutes=1):
        return _("%(n)d s") % {"n": time.seconds}
    return timesince(timezone.now() - time, depth=1)


def _worker_is_heard() -> bool:
    global _asked_at, _heard
    if time.monotonic() - _asked_at > FRESH_SECONDS:
        try:
            _heard = bell.heard()
        except RedisError as error:
            logger.warning("The broker does not say whether a worker answers: %s", error)
            _heard = False
        _asked_at = time.monotonic()
    return _heard
