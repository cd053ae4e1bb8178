"""What each step of a batch costs, in milliseconds of a core an image: where the overhead is.

The steps are the service's own functions, called one after another as it calls them, in a process
of its own, on SQLite.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import pictures
from benchmarks.report import Row, WrongError, table
from benchmarks.service import ROOT, form, own_environment

CHUNK, MICRO_BATCH = 200, 128
CLASSES = [{"id": f"{n}", "uk": f"{n}", "en": f"{n}"} for n in range(10)]


def measure(count: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        environment = own_environment(
            Path(folder),
            DJANGO_SETTINGS_MODULE="classifier_site.settings",
            KADR_LOG_LEVEL="CRITICAL",
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.steps", "--inside", "--pictures", str(count)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        raise WrongError("The steps could not be measured")
    for name, milliseconds in json.loads(done.stdout).items():
        yield Row(f"step: {name}", milliseconds, "core-ms an image")


class Steps:
    """Adds up the processor time of each step."""

    def __init__(self, contents: list[bytes]) -> None:
        from django.contrib.auth.models import User

        from classifier.intake import Intake
        from classifier.models import Batch, Owner

        self.contents = contents
        self.took: dict[str, float] = {}
        self.owner = Owner(user=User.objects.create_user("benchmark"))
        self.batch = Batch.objects.create(**self.owner.fields())
        self.intake = Intake(self.batch, self.owner, {"top_k": 3})

    def step(self, name: str, act: Callable[..., Any], *args: Any) -> Any:
        began = time.process_time()
        result = act(*args)
        spent = (time.process_time() - began) / len(self.contents) * 1000
        self.took[name] = self.took.get(name, 0.0) + spent
        return result

    def receive(self) -> None:
        from classifier.archives import entries

        for first in range(0, len(self.contents), 1000):
            self.step("multipart", _parse, *_parts(self.contents[first : first + 1000]))
        archive = _zip(self.contents)
        self.step("or reading a ZIP", lambda: [entry.data for entry in entries(archive)])

    def take_in(self) -> None:
        """What classifier/intake.py does with a chunk."""
        for first in range(0, len(self.contents), CHUNK):
            contents = self.contents[first : first + CHUNK]
            accepted = self.step("acceptance", _accept, contents)
            rows = self.step("rows: made", self._rows, first, accepted)
            self.step("storage", self.intake._pack)
            self.step("rows: inserted", self.intake._commit, rows)

    def _rows(self, first: int, accepted: list[Any]) -> list[dict[str, Any]]:
        from classifier.intake import Item

        self.intake.stored, self.intake.packed = [], []
        return [
            self.intake._row(Item(f"{place}", each.original), partial(_as_it_is, each))
            for place, each in enumerate(accepted, start=first)
        ]

    def answer(self) -> None:
        """What worker/micro_batches.py does, but for the network."""
        from classifier.models import ModelVersion, Prediction, Result
        from worker import micro_batches

        version = ModelVersion.objects.register(
            digest="0" * 64, name="none", preprocessing="none", classes=CLASSES
        )
        result = Result("1", 0.9, [0.9, *[0.01] * 9], -5.0, False)
        claim = Prediction.objects.claim
        while rows := self.step("claim", claim, MICRO_BATCH, "benchmark"):
            inputs = self.step("read and decode", micro_batches.read, rows, 32)
            results = dict.fromkeys(inputs, result)
            self.step("publish", Prediction.objects.publish, rows[0].fence, version, results)

    def tell(self) -> None:
        """The download of the results."""
        from classifier.api import results

        def download() -> int:
            lines = results.as_json_lines(results.in_order(self.batch))
            return sum(len(chunk.encode()) for chunk in results.in_chunks(lines))

        self.step("results told", download)


def _as_it_is(accepted: Any) -> Any:
    return accepted


def _accept(contents: list[bytes]) -> list[Any]:
    from classifier.images import accept

    return [accept(data) for data in contents]


def _parts(contents: list[bytes]) -> tuple[bytes, dict[str, str]]:
    return form("image", {f"{n:05}.jpg": content for n, content in enumerate(contents)})


def _parse(body: bytes, headers: dict[str, str]) -> None:
    """As the view of batches has it."""
    from django.http.multipartparser import MultiPartParser

    from classifier.spool import SpoolUploadHandler

    meta = {"CONTENT_TYPE": headers["Content-Type"], "CONTENT_LENGTH": str(len(body))}
    MultiPartParser(meta, io.BytesIO(body), [SpoolUploadHandler()]).parse()


def _zip(contents: list[bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number:05}.jpg", content)
    out.seek(0)
    return out


def inside(count: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    steps = Steps([pictures.jpeg(number) for number in range(count)])
    steps.receive()
    steps.take_in()
    steps.answer()
    steps.tell()
    return steps.took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        print(json.dumps(inside(asked.pictures)))
    else:
        print(table(list(measure(asked.pictures))))


if __name__ == "__main__":
    main()
