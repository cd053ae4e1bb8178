"""A batch over REST with everything stored, as a share of what the bare network does; and what it
costs beside the network."""

import time
from dataclasses import dataclass

from benchmarks import api, processes
from benchmarks.network import Bare
from benchmarks.report import Row, WrongError
from benchmarks.service import Service

SHARE, OVERHEAD = 0.60, 0.6  # of the bare network's rate; milliseconds of a core an image


@dataclass(frozen=True)
class Measured:
    count: int
    accepted: float  # seconds from the first byte sent
    done: float  # until the last result was there, and the time to read them all
    spent: dict[str, float]  # seconds of processor time by part

    @property
    def rate(self) -> float:
        return self.count / self.done


def run(service: Service, files: api.Files, bare: Bare) -> Measured:
    """Send, wait, read; every answer must be the bare network's."""
    body, headers = api.as_zip(files)
    before, began = processes.spent(service), time.time()
    batch = api.send(service, body, headers)
    accepted = time.time() - began
    # Asked seldom, so that asking costs next to nothing; the service tells when it was done.
    computed = api.wait(service, batch).timestamp() - began
    reading = time.time()
    answers = list(api.results(service, batch))
    done = computed + time.time() - reading
    after = processes.spent(service)
    if [answer["custom_id"] for answer in answers] != list(files):
        raise WrongError(f"{len(files):,} pictures were sent, {len(answers):,} lines came back")
    for number, answer in enumerate(answers):
        if answer["status"] != "succeeded":
            raise WrongError(f"Picture {number} is {answer['status']}: {answer['error']}")
        bare.check(number, answer["result"]["label"], answer["result"]["confidence"])
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    return Measured(len(files), accepted, done, spent)


def rows(model: str, measured: Measured, bare: Bare) -> list[Row]:
    per_image = {name: s / measured.count * 1000 for name, s in measured.spent.items()}
    beside = sum(per_image.values()) - bare.seconds * 1000
    shares = ", ".join(f"{name} {ms:.2f}" for name, ms in per_image.items() if ms >= 0.005)
    return [
        Row(
            f"batch of {measured.count:,}, {model}",
            measured.rate,
            "images/s",
            note=f"accepted after {measured.accepted:.1f} s, read after {measured.done:.1f} s",
        ),
        Row(f"… as a share of raw, {model}", measured.rate / bare.rate, "", least=SHARE),
        Row(
            f"overhead, {model}",
            beside,
            "core-ms an image",
            most=OVERHEAD,
            note=f"{shares}; of these the network {bare.seconds * 1000:.2f}",
            details=per_image,
        ),
    ]
