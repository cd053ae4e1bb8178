"""Health, for machines: is the process up, and is the service able to answer."""

import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from redis.exceptions import RedisError

from classifier import bell
from classifier.models import Worker


def livez(request: HttpRequest) -> HttpResponse:
    """The web process answers. Touches nothing else, so that a dead broker does not restart it."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where database and broker answer, a worker has a warm model, and one has taken a message
    from the broker lately; else 503."""
    checks = {name: _timed(check) for name, check in CHECKS.items()}
    ready = all(check["ok"] for check in checks.values())
    return JsonResponse({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _timed(check: Callable[[], str]) -> dict[str, object]:
    start = time.perf_counter()
    fault = check()
    milliseconds = round((time.perf_counter() - start) * 1000, 1)
    return {"ok": not fault, "ms": milliseconds, **({"error": fault} if fault else {})}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "the database does not answer"
    return ""


def _broker() -> str:
    try:
        cache.get("readyz")
    except RedisError:
        return "the broker does not answer"
    return ""


def _worker() -> str:
    try:
        return "" if Worker.objects.alive().exists() else "no worker with a loaded model"
    except DatabaseError:
        return "unknown while the database does not answer"


def _messages() -> str:
    try:
        return "" if bell.heard() else "no worker has taken a message from the broker lately"
    except RedisError:
        return "unknown while the broker does not answer"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "broker": _broker,
    "worker": _worker,
    "messages": _messages,
}
