"""Sends pictures from a script, once as one ZIP and once as requests of many parts, waits, and
downloads what came out; meanwhile somebody else uses the service.

Starts a service of its own, makes the pictures itself, and checks that each has its answer.
"""

import argparse
import http.client
import itertools
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import pictures
from benchmarks.api import BATCHES, LONGEST, Files, as_zip, ask, get, results, send
from benchmarks.memory import MEGABYTE, Growth
from benchmarks.report import WrongError, say
from benchmarks.service import Service, form, running, wait_for

LIGHT = ("/api/v1/predictions?page_size=1", "/", "/api/v1/meta")
PAUSE = 0.2  # seconds between the other's requests


@dataclass(frozen=True)
class Measured:
    """Seconds from the first byte sent; bytes; seconds."""

    accepted: float
    done: float
    downloaded: float
    growth: int
    others: int
    slowest: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch_upload", description=__doc__)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--parts", type=int, default=1000, help="pictures a request; at most 1,000")
    asked = parser.parse_args()
    say(f"Making {asked.pictures:,} pictures…")
    files = {f"{n:05}.jpg": pictures.jpeg(n) for n in range(asked.pictures)}
    say("Starting a service…")
    try:
        with running() as service:
            told("one ZIP", files, measure(service, files, [as_zip(files)]))
            told(f"requests of {asked.parts:,} parts", files, in_parts(service, files, asked.parts))
    except WrongError as error:
        say(f"\n{error}")
        return 1
    return 0


def in_parts(service: Service, files: Files, parts: int) -> Measured:
    names = iter(files)
    groups = iter(lambda: list(itertools.islice(names, parts)), [])
    return measure(
        service, files, [form("image", {name: files[name] for name in group}) for group in groups]
    )


def measure(service: Service, files: Files, bodies: list[tuple[bytes, dict[str, str]]]) -> Measured:
    """From the first byte to the last answer. Raises WrongError where an answer is missing."""
    growth, began = Growth(service.web_pids()), time.monotonic()
    with SomebodyElse(service) as other:
        batches = [send(service, *body) for body in bodies]
        accepted = time.monotonic() - began
        wait_for(lambda: all(finished(service, batch) for batch in batches), LONGEST)
        done = time.monotonic() - began
        answers = [answer for batch in batches for answer in results(service, batch)]
        downloaded = time.monotonic() - began
    check(files, answers, [ask(service, f"{BATCHES}/{batch}") for batch in batches])
    return Measured(
        accepted, done, downloaded, growth.most(), len(other.seconds), max(other.seconds)
    )


class SomebodyElse:
    """Looks at pages, one after another, and remembers how long each took."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.seconds: list[float] = []
        self.stopped = threading.Event()
        self.failure: Exception | None = None
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> "SomebodyElse":
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopped.set()
        self.thread.join()
        if self.failure:
            raise self.failure

    def _look(self) -> None:
        for path in itertools.cycle(LIGHT):
            began = time.monotonic()
            try:
                get(self.service, path)
            except (OSError, http.client.HTTPException, WrongError) as error:
                self.failure = error
                return
            self.seconds.append(time.monotonic() - began)
            if self.stopped.wait(PAUSE):
                return


def finished(service: Service, batch: str) -> bool:
    counts = ask(service, f"{BATCHES}/{batch}")
    progress = counts["counts"]
    print(f"\r{progress['succeeded']:,} of {progress['total']:,}  ", end="", file=sys.stderr)
    return bool(counts["status"] == "completed")


def check(files: Files, answers: list[dict[str, Any]], batches: list[dict[str, Any]]) -> None:
    """Every picture has one answer, in the order sent, and the counts say the same."""
    if [answer["custom_id"] for answer in answers] != list(files):
        raise WrongError(f"{len(files):,} pictures were sent, {len(answers):,} lines came back")
    if missing := [a["custom_id"] for a in answers if not (a["result"] or {}).get("label")]:
        raise WrongError(f"{len(missing):,} have no answer, {missing[0]} among them")
    for counts in (batch["counts"] for batch in batches):
        if counts["total"] != sum(n for name, n in counts.items() if name != "total"):
            raise WrongError(f"The counts do not add up: {counts}")
    if sum(batch["counts"]["succeeded"] for batch in batches) != len(files):
        raise WrongError("The counts tell of fewer answers than came")


def told(way: str, files: Files, found: Measured) -> None:
    print(
        f"\r{len(files):,} pictures, {way}: accepted after {found.accepted:.1f} s, "
        f"done after {found.done:.1f} s, downloaded after {found.downloaded:.1f} s\n"
        f"  the web processes grew by {found.growth / MEGABYTE:.1f} MB at most each; "
        f"the slowest of {found.others:,} other requests took {found.slowest:.2f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
