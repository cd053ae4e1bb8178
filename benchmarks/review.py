"""Times the review page's questions with many open tasks: the next images in each order, a verdict,
an undoing, as one reviewer works through them while another holds some.

The rows are made in a database of its own; each request goes through Django as the web process has
it. Exits with 1 where the next images take longer than the limit.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import django

from benchmarks.service import own_environment

LIMIT = 0.2  # seconds until the next image is there
PAGE = 24  # images that are asked for at once
CHUNK = 2000  # rows that are made at a time
Spent = tuple[float, float]  # seconds by the clock, and of the processor
CLASSES = [{"id": f"class {n}", "uk": f"клас {n}", "en": f"class {n}"} for n in range(10)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=__doc__)
    parser.add_argument("--open", type=int, default=10_000, help="tasks of each stream")
    parser.add_argument("--reviewed", type=int, default=20_000, help="answers already reviewed")
    parser.add_argument("--rounds", type=int, default=40, help="pages that are worked through")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        (Path(folder) / "static").mkdir()
        environment = own_environment(
            Path(folder), DJANGO_SETTINGS_MODULE="classifier_site.settings", KADR_LOG_LEVEL="ERROR"
        )
        os.environ.clear()
        os.environ.update(environment)
        django.setup()
        fill(asked.open, asked.reviewed)
        return 1 if slow(asked.rounds) else 0


def fill(open_rows: int, reviewed: int) -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from classifier.models import ModelVersion

    call_command("migrate", verbosity=0)
    for name in ("ann", "ben"):
        User.objects.create_user(name, is_staff=True)
    model = ModelVersion.objects.register(
        digest="d" * 64, name="benchmark", preprocessing="none", classes=CLASSES
    )
    for what, act, rows in (("open", ask_for, open_rows), ("reviewed", decide, reviewed)):
        for done in range(0, rows, CHUNK):
            act(made(model, min(CHUNK, rows - done)))
            print(f"\rMaking what is {what}: {done:,} of {rows:,}", end="", file=sys.stderr)
    print(file=sys.stderr)


def made(model: Any, n: int) -> list[Any]:
    """Answers with their images, whose files nobody will read."""
    from django.utils import timezone

    from classifier.models import Image, Prediction, Status

    sizes = {"width": 256, "height": 256, "byte_size": 9000}
    images = Image.objects.bulk_create(
        Image(name="photo.jpg", sha256=f"{random.getrandbits(256):064x}", **sizes) for _ in range(n)
    )
    now = timezone.now()
    return Prediction.objects.bulk_create(
        Prediction(
            image=image,
            model=model,
            status=Status.SUCCEEDED,
            finished_at=now,
            off_topic_score=random.random(),
            off_topic=True,
            **answer(),
        )
        for image in images
    )


def answer() -> dict[str, Any]:
    shares = sorted((random.random() ** 3 for _ in CLASSES), reverse=True)
    shares = [share / sum(shares) for share in shares]
    return {
        "label": CLASSES[0]["id"],
        "confidence": shares[0],
        "probabilities": shares,
        "margin": shares[0] - shares[1],
    }


def ask_for(answers: list[Any]) -> None:
    """A task in every stream for each."""
    from classifier.models import ReviewTask, Stream

    ReviewTask.objects.bulk_create(
        ReviewTask(
            prediction=row,
            stream=stream,
            inclusion_probability=0.5 if stream == Stream.AUDIT else None,
        )
        for row in answers
        for stream in Stream
    )


def decide(answers: list[Any]) -> None:
    """As ben's verdicts."""
    from django.contrib.auth.models import User

    from classifier.models import Review
    from classifier.models.review import Word

    ben = User.objects.get(username="ben")
    Review.objects.say(ben, [Word(row.pk, row.label) for row in answers])


def slow(rounds: int) -> bool:
    """Measures and tells; True where the next images took longer than the limit."""
    from classifier.review.orders import ORDERS

    found = {order: dict(work(order, rounds)) for order in ORDERS}
    print(f"{PAGE} images at once, {rounds} rounds, in ms; “busy” is the processor's time")
    print(f"{'order':14} {'':9} {'median':>9} {'slowest':>9} {'busy':>9}")
    for order, times in found.items():
        for what, spent in times.items():
            wall, busy = zip(*spent, strict=True)
            figures = (median(wall), max(wall), median(busy))
            print(f"{order:14} {what:9}", *(f"{seconds * 1000:9.1f}" for seconds in figures))
    return any(median(wall for wall, _busy in times["next"]) > LIMIT for times in found.values())


def work(order: str, rounds: int) -> Iterator[tuple[str, list[Spent]]]:
    """One reviewer's pages, while another holds one."""
    from django.contrib.auth.models import User

    from classifier.models import ReviewLock

    ReviewLock.objects.all().delete()
    users = [User.objects.get(username=name) for name in ("ann", "ben")]
    ann, ben = (Reviewer(user, order) for user in users)
    ben.next()
    times: dict[str, list[Spent]] = {"next": [], "verdict": [], "undo": []}
    for _ in range(rounds):
        times["next"].append(timed(ann.next))
        times["verdict"].append(timed(ann.decide))
        times["undo"].append(timed(ann.undo))
        ann.decide()
    yield from times.items()


class Reviewer:
    def __init__(self, user: Any, order: str) -> None:
        from django.test import Client

        self.client, self.order = Client(headers={"Host": "127.0.0.1"}), order
        self.client.force_login(user)
        self.items: list[dict[str, Any]] = []
        self.reviews: list[int] = []

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        response = self.client.post(f"/admin/review/{path}", body, "application/json")
        if response.status_code != 200:
            raise SystemExit(f"{path} was refused: {response.content.decode()[:500]}")
        return response.json()

    def next(self) -> None:
        body = {"order": self.order, "n": PAGE, "have": []}
        self.items = self.ask("deal", body)["items"]
        if not self.items:
            raise SystemExit(f"Nothing is left in the order “{self.order}”: make more rows.")

    def decide(self) -> None:
        words = [{"prediction": item["id"], "label": item["label"]} for item in self.items]
        self.reviews = self.ask("words", {"words": words})["reviews"]

    def undo(self) -> None:
        self.ask("withdraw", {"reviews": self.reviews})


def timed(act: Callable[[], None]) -> Spent:
    wall, busy = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - busy


if __name__ == "__main__":
    sys.exit(main())
