"""How often something happened within a window of time, counted in the cache.

Without the cache nothing is counted and nobody is refused: losing the broker must not take the site
down. It is then asked again seldom, for a frozen one holds each request for a second.
"""

import logging
import time

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

ASK_AGAIN = 5  # seconds
_not_before = 0.0


def count(name: str, window: int) -> int:
    """How often that makes, this time included, in the window of so many seconds that is now; 0
    without the cache."""
    global _not_before
    if time.monotonic() < _not_before:
        return 0
    key = _key(name, window)
    try:
        return _counted(key, 2 * window)
    except (RedisError, ValueError) as error:
        _not_before = time.monotonic() + ASK_AGAIN
        logger.warning("Requests are not counted for %d s: %s", ASK_AGAIN, error)
        return 0


def _counted(key: str, kept: int) -> int:
    try:
        return int(cache.incr(key))
    except ValueError:  # the first one in this window, or of several first ones
        return 1 if cache.add(key, 1, timeout=kept) else int(cache.incr(key))


def uncount(name: str, window: int) -> None:
    """Take one back."""
    try:
        cache.decr(_key(name, window))
    except (RedisError, ValueError):  # no cache, or a new window has begun
        return


def _key(name: str, window: int) -> str:
    return f"{name}:{int(time.time() // window)}"
