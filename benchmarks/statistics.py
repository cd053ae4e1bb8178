"""How long the statistics take over a million predictions: python -m benchmarks.statistics

Fills a database of its own (SQLite in a temporary folder, or --database, an empty PostgreSQL one)
with predictions over thirty days, two in a hundred of them audited and half of those reviewed, and
then asks for the page and the API as staff do. Prints the seconds of each part.
"""

import argparse
import os
import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.service import own_environment

CLASSES = ("cat", "dog", "ship", "frog")
DAYS, PAGE = 30, 20_000


def main() -> None:
    args = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        # Nothing that is in use may be filled with made-up rows.
        own = {
            **own_environment(Path(folder)),
            "DJANGO_SETTINGS_MODULE": "classifier_site.settings",
        }
        os.environ.clear()
        os.environ.update(own | ({"DATABASE_URL": args.database} if args.database else {}))
        import django

        django.setup()
        measure(args.predictions)


def measure(n: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from classifier.models import Prediction

    call_command("migrate", verbosity=0)
    if Prediction.objects.exists():
        raise SystemExit("this database holds predictions: give an empty one")
    seconds, _busy = timed(lambda: fill(n))
    print(f"{connection.vendor}: {n:,} predictions filled in {seconds:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for name, part in parts().items():
        wall, processor = map(min, zip(*(timed(part) for _ in range(5)), strict=True))
        print(f"{name:<34}{wall * 1000:8.0f} ms, {processor * 1000:.0f} of them computing")


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    start, busy = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - busy


def parts() -> dict[str, Callable[[], Any]]:
    """The page and the API as a whole, and what they consist of."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from classifier.statistics import audit, traffic
    from classifier.statistics.accuracy import Accuracy
    from classifier.statistics.period import Period
    from classifier.statistics.traffic import Traffic

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    client, period = Client(), Period.last(DAYS)
    client.force_login(User.objects.get(username="staff"))
    told = Accuracy(period)
    return {
        "audit: drawn and reviewed": lambda: audit.drawn(period.since),
        "estimates from it": lambda: _all_of(told),
        "agreement": lambda: audit.pairs(period.since),
        "newest 10,000: labels, failures": Traffic,
        "taken in by day": lambda: traffic.taken_in(period),
        "waiting": traffic.waiting,
        "GET /api/v1/stats/accuracy": lambda: _get(client, "/api/v1/stats/accuracy"),
        "GET /admin/statistics/": lambda: _get(client, "/admin/statistics/"),
    }


def _all_of(told: Any) -> None:
    from classifier.api import stats

    for name in [name for name in vars(told) if name not in ("period", "model", "audit")]:
        delattr(told, name)
    stats.as_dict(told)


def _get(client: Any, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200, response.status_code


def fill(n: int) -> None:
    from django.contrib.auth.models import User
    from django.db import transaction

    from classifier.models import Image, ModelVersion, Prediction, Review, ReviewTask

    version = ModelVersion.objects.register(
        digest="d" * 64,
        name="made up",
        preprocessing="none",
        classes=[{"id": c, "uk": c, "en": c} for c in CLASSES],
    )
    staff = [User.objects.create_user(name, is_staff=True) for name in ("staff", "second")]
    tables: tuple[Any, ...] = (Image, Prediction, ReviewTask, Review)
    for page in _pages(n, version, staff):
        with transaction.atomic():
            for model in tables:
                rows: list[Any] = [row for row in page if type(row) is model]
                model._default_manager.bulk_create(rows, batch_size=PAGE)


def _pages(n: int, version: Any, staff: list[Any]) -> Iterator[list[Any]]:
    dice, page = random.Random(1), []
    for i in range(n):
        page += _rows(i / n, version, staff, dice)
        if i % PAGE == PAGE - 1:
            yield page
            page = []
    yield page


def _rows(place: float, version: Any, staff: list[Any], dice: random.Random) -> list[Any]:
    """An image, its answer, and for two in a hundred the audit's task and half of those reviews."""
    from django.utils import timezone

    from classifier import ids
    from classifier.models import Image, Prediction, Review, ReviewTask

    at = timezone.now() - timedelta(days=DAYS - 1) * (1 - place)
    pk = uuid.UUID(int=ids.first_at(at).int | dice.getrandbits(62))
    image = Image(id=pk, width=32, height=32, byte_size=1000, original="x", created_at=at)
    truth, sure = dice.choice(CLASSES), dice.random() ** 0.3
    answer = truth if dice.random() < sure else dice.choice(CLASSES)
    told = {"status": "succeeded", "label": answer, "confidence": sure, "model": version}
    if dice.random() < 0.01:
        told = {"status": "failed", "error_code": "IMAGE_UNDECODABLE"}
    moments = {"created_at": at, "queued_at": at, "finished_at": at}
    row = Prediction(
        id=pk, image=image, probabilities=[0.25] * 4, margin=sure / 2, **moments, **told
    )
    if dice.random() >= 0.02 or told["status"] == "failed":
        return [image, row]
    seen = dice.random() < 0.5
    settled = {"settled_at": at} if seen else {}
    task = ReviewTask(prediction=row, stream="audit", inclusion_probability=0.02, **settled)
    verdict = {"verdict": "agree" if truth == answer else "other", "label": truth}
    by = staff if dice.random() < 0.1 else staff[:1]
    said = [
        Review(image=image, prediction=row, model=version, reviewer=user, **verdict) for user in by
    ]
    return [image, row, task, *(said if seen else [])]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--predictions", type=int, default=1_000_000)
    parser.add_argument("--database", help="postgres://… of an empty database")
    return parser.parse_args()


if __name__ == "__main__":
    main()
