"""What the system page tells: the parts that Kadr stands on, each asked now, with little patience.

A part that does not answer is told as such; the page itself needs the database only.
"""

import shutil
import time
from dataclasses import dataclass, field

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from classifier import bell, outages
from classifier.models import Worker

PATIENCE = 1  # seconds for the broker
CELERY_QUEUES = ("worker", "jobs")


@dataclass(frozen=True)
class Part:
    """One of them: what it is, whether it is well, and what is known of it, by name."""

    name: str
    fault: str = ""
    known: dict[str, str] = field(default_factory=dict)


def parts() -> list[Part]:
    return [database(), broker(), disk()]


def database() -> Part:
    name = _("Database")
    start = time.perf_counter()
    try:
        size = _database_bytes()
    except DatabaseError as error:
        return Part(name, str(error).strip())
    known = {
        _("kind"): {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor],
        _("size"): _megabytes(size),
        _("answered in"): _milliseconds(start),
    }
    return Part(name, known=known)


def _database_bytes() -> int:
    if connection.vendor == "sqlite":
        return outages.sqlite_bytes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def broker() -> Part:
    name, start = _("Broker"), time.perf_counter()
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as client:
            told = client.info()
            took = _milliseconds(start)
            messages = sum(int(client.llen(queue)) for queue in CELERY_QUEUES)
            heard = bell.heard()
    except redis.RedisError as error:
        return Part(name, str(error))
    known = {
        _("kind"): f"{told.get('server_name', 'redis')} {told['redis_version']}",
        _("memory"): _megabytes(int(told["used_memory"])),
        _("messages that wait"): number_format(messages, force_grouping=True),
        _("answered in"): took,
    }
    return Part(name, "" if heard else _("No worker has taken a message lately."), known)


def disk() -> Part:
    usage = shutil.disk_usage(settings.DATA)
    known = {
        _("free"): _("{free} of {total}").format(
            free=_gigabytes(usage.free), total=_gigabytes(usage.total)
        ),
        _("uploads are refused below"): _megabytes(settings.FREE_BYTES),
    }
    full = usage.free < settings.FREE_BYTES
    return Part(_("Disk"), _("Full: uploads are refused.") if full else "", known)


def workers() -> list[tuple[Worker, bool]]:
    """Those of the last day, each with whether it was heard of lately."""
    alive = set(Worker.objects.alive().values_list("pk", flat=True))
    rows = Worker.objects.select_related("model").order_by("-last_seen_at")
    return [(row, row.pk in alive) for row in rows]


def _milliseconds(start: float) -> str:
    return _("{n} ms").format(n=_tenths((time.perf_counter() - start) * 1000))


def _megabytes(n: int) -> str:
    return _("{n} MB").format(n=_tenths(n / 1024**2))


def _gigabytes(n: int) -> str:
    return _("{n} GB").format(n=_tenths(n / 1024**3))


def _tenths(n: float) -> str:
    return number_format(round(n, 1), 1, force_grouping=True)
