"""Clients that ask any of the systems, each on a connection that it keeps, and count what comes."""

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks.network import Bare
from benchmarks.report import WrongError

SECONDS = 60  # for one answer
Encoded = tuple[bytes, dict[str, str]]  # body and header


@dataclass(frozen=True)
class Target:
    """How a system is asked for one picture."""

    name: str
    port: int
    path: str
    encode: Callable[[bytes], Encoded]
    decode: Callable[[bytes], tuple[str, float]]  # label and confidence
    spent: Callable[[], float]  # seconds of processor time that it has taken so far


@dataclass
class Outcome:
    seconds: float = 0.0
    spent: float = 0.0  # seconds of the system's processor time
    times: list[float] = field(default_factory=list)  # milliseconds of each right answer
    wrong: int = 0  # other than the bare network's
    refused: int = 0  # any status but 200
    broken: int = 0  # no answer at all

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.times) / self.seconds

    @property
    def lost(self) -> int:
        return self.wrong + self.refused + self.broken

    def add(self, other: "Outcome") -> None:
        self.times += other.times
        self.wrong += other.wrong
        self.refused += other.refused
        self.broken += other.broken


def ask(
    target: Target, pictures: list[bytes], bare: Bare, connections: int, seconds: float
) -> Outcome:
    """For so long, by that many clients at once, each with a picture at a time."""
    encoded = [target.encode(picture) for picture in pictures]
    began, spent = time.perf_counter(), target.spent()
    until = began + seconds
    total = Outcome()
    with ThreadPoolExecutor(connections) as threads:
        starts = range(connections)
        for outcome in threads.map(lambda n: _client(target, encoded, bare, n, until), starts):
            total.add(outcome)
    total.seconds, total.spent = time.perf_counter() - began, target.spent() - spent
    return total


def _client(
    target: Target, encoded: list[Encoded], bare: Bare, number: int, until: float
) -> Outcome:
    outcome = Outcome()
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=SECONDS)
    number = number * 7 % len(encoded)  # so that they do not all send the same
    while time.perf_counter() < until:
        _one(target, connection, encoded[number], bare, number, outcome)
        number = (number + 1) % len(encoded)
    connection.close()
    return outcome


def _one(
    target: Target,
    connection: http.client.HTTPConnection,
    encoded: Encoded,
    bare: Bare,
    number: int,
    outcome: Outcome,
) -> None:
    began = time.perf_counter()
    try:
        connection.request("POST", target.path, *encoded)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        outcome.broken += 1
        return
    if response.status != 200:
        outcome.refused += 1
        return
    took = (time.perf_counter() - began) * 1000
    try:
        bare.check(number, *target.decode(body))
        outcome.times.append(took)
    except (WrongError, ValueError, KeyError, TypeError):
        outcome.wrong += 1
