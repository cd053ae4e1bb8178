"""How many requests a minute: by token or user, and by address for whoever has neither.

A window of one minute is counted in the cache (classifier/counters.py).
"""

import time
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from classifier.counters import count
from classifier.models import ApiToken

WINDOW = 60  # seconds
RATES = {"token": settings.RATE_TOKEN, "address": settings.RATE_ADDRESS}


class RateThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        name, quota = self._who(request)
        used = count(f"rate:{name}", WINDOW)
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
