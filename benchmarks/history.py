"""What looking back costs as the history grows: list, filter, poll and send at a thousand
predictions and at a million, all of one user, on SQLite and on PostgreSQL.

Requests go through Django as the web process has it, without a network in between.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.postgresql import postgresql
from benchmarks.report import Row, WrongError, say, table
from benchmarks.service import ROOT, own_environment
from benchmarks.single import quantile

REPEATS = 60
RATIO = 1.5  # of p95, at most
# A history grows over months. What is still to be done after a million rows in a minute is not its
# length's cost, and would be measured with what is sent meanwhile.
SETTLE = {
    "sqlite": ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"),
    "postgresql": ("VACUUM (ANALYZE)", "CHECKPOINT"),
}
DATABASES = tuple(SETTLE)


def measure(
    few: int, many: int, repeats: int = REPEATS, databases: tuple[str, ...] = DATABASES
) -> Iterator[Row]:
    for name in databases:
        with database(name) as environment:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.history", "inside", str(few), str(many)],
                cwd=ROOT,
                env={**environment, "HISTORY_REPEATS": str(repeats)},
                stdout=subprocess.PIPE,
                check=False,
            )
        if done.returncode:
            raise WrongError(f"The history on {name} could not be measured")
        yield from rows(name, few, many, json.loads(done.stdout))


def rows(name: str, few: int, many: int, found: dict[str, list[float]]) -> Iterator[Row]:
    """From {action: [p95 at few, p95 at many]} in milliseconds."""
    for action, (before, after) in found.items():
        yield Row(
            f"history on {name}, {action}: p95 at {many:,} to {few:,}",
            after / before,
            "",
            most=RATIO,
            note=f"{before:.1f} and {after:.1f} ms",
        )


@contextlib.contextmanager
def database(name: str) -> Iterator[dict[str, str]]:
    """An environment with an empty database of its own."""
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        (Path(folder) / "static").mkdir()
        settings = {
            "DJANGO_SETTINGS_MODULE": "classifier_site.settings",
            "KADR_LOG_LEVEL": "CRITICAL",
            "KADR_RATE_TOKEN": "1000000",
        }
        if name == "sqlite":
            yield own_environment(Path(folder), **settings)
        else:
            with postgresql() as url:
                yield own_environment(Path(folder), **settings, DATABASE_URL=url)


def inside(few: int, many: int) -> dict[str, list[float]]:
    """In a process whose environment names the database."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from benchmarks import filling, pictures
    from classifier.images import accept
    from classifier.models import ApiToken, Image, Owner

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("benchmark")
    owner = Owner(user=user)
    images = [Image.objects.keep(accept(pictures.jpeg(n)), f"{n}.jpg", owner) for n in range(100)]
    made = filling.answered(user, few, image=lambda n: images[n % len(images)])
    token = ApiToken.objects.issue(user, "benchmark")
    _settle()
    before = _times(token)
    filling.multiply(made, many, lambda done: say(f"{done:,} of {many:,} predictions"))
    _settle()
    after = _times(token)
    return {action: [before[action], after[action]] for action in before}


def _settle() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in SETTLE[connection.vendor]:
            cursor.execute(statement)


def _times(token: str) -> dict[str, float]:
    from classifier.models import Prediction

    recent = [str(pk) for pk in Prediction.objects.values_list("pk", flat=True)[:20]]
    return {name: _p95(act) for name, act in _actions(token, recent).items()}


def _actions(token: str, recent: list[str]) -> dict[str, Callable[[], None]]:
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    from benchmarks import pictures

    client = Client(headers={"Authorization": f"Bearer {token}", "Host": "127.0.0.1"})
    url, content = "/api/v1/predictions", pictures.jpeg(1)

    def get(query: str, count: int) -> None:
        body = client.get(f"{url}?{query}").json()
        if len(body["results"]) != count:
            raise WrongError(f"{query}: {len(body['results'])} rows, {count} were expected")

    def submit() -> None:
        response = client.post(url, {"image": SimpleUploadedFile("a.jpg", content)})
        if response.status_code != 202:
            raise WrongError(f"Not accepted: {response.content[:200]!r}")

    return {
        "list": lambda: get("page_size=50", 50),
        "filter": lambda: get("page_size=50&label=dog&status=succeeded", 50),
        "poll": lambda: get(f"id={','.join(recent)}", len(recent)),
        "submit": submit,
    }


def _p95(act: Callable[[], None]) -> float:
    """Milliseconds."""
    act()
    times = []
    for _ in range(int(os.environ["HISTORY_REPEATS"])):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return quantile(times, 0.95)


def main() -> None:
    if sys.argv[1:2] == ["inside"]:
        print(json.dumps(inside(int(sys.argv[2]), int(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--only", choices=DATABASES, help="one database instead of both")
    asked = parser.parse_args()
    databases = (asked.only,) if asked.only else DATABASES
    print(table(list(measure(asked.few, asked.many, databases=databases))))


if __name__ == "__main__":
    main()
