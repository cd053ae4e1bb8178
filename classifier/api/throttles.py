"""How many requests a minute: by token or user, and by address for whoever has neither.

A window of one minute is counted in the cache. Without the cache nobody is refused: losing the
broker must not take the site down.
"""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from classifier.models import ApiToken

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds
ASK_AGAIN = 5  # seconds
RATES = {"token": settings.RATE_TOKEN, "address": settings.RATE_ADDRESS}


class RateThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        name, quota = self._who(request)
        window = int(time.time() // WINDOW)
        used = _count(f"rate:{name}:{window}")
        self.reset = WINDOW - int(time.time() % WINDOW)
        # The middleware makes headers of it (draft-ietf-httpapi-ratelimit-headers).
        request._request.rate = (quota, max(0, quota - used), self.reset)  # type: ignore[attr-defined]
        return used <= quota

    def wait(self) -> float:
        return self.reset

    def _who(self, request: Request) -> tuple[str, int]:
        if isinstance(request.auth, ApiToken):
            return f"token:{request.auth.pk}", RATES["token"]
        if request.user.is_authenticated:
            return f"user:{request.user.pk}", RATES["token"]
        return f"address:{self.get_ident(request)}", RATES["address"]


_not_before = 0.0


def _count(key: str) -> int:
    """How many requests that makes; 0 while the cache is away, which is asked again seldom, for a
    frozen one holds each request for a second."""
    global _not_before
    if time.monotonic() < _not_before:
        return 0
    try:
        cache.add(key, 0, timeout=2 * WINDOW)
        return int(cache.incr(key))
    except (RedisError, ValueError) as error:
        _not_before = time.monotonic() + ASK_AGAIN
        logger.warning("Requests are not counted for %d s: %s", ASK_AGAIN, error)
        return 0
