"""One picture at a time with `Prefer: wait`: on an idle service, and while a batch runs.

The client keeps its connection, as ours, browsers and those of the other servers here do; what a
connection for each picture costs is a row of its own.
"""

import statistics
import threading
import time

from benchmarks import api
from benchmarks.network import Bare
from benchmarks.report import Row, WrongError
from benchmarks.service import Connected, Service

P50 = 25.0  # ms
PAUSE = 0.2  # seconds between one sender's pictures: five a second


def idle(service: Service, pictures: list[bytes], bare: Bare) -> list[float]:
    """Milliseconds from each request to its answer, one after another."""
    with service.connected() as client:
        return [_one(client, number, content, bare) for number, content in enumerate(pictures)]


def reconnecting(service: Service, pictures: list[bytes], bare: Bare) -> list[float]:
    """The same, each by a connection of its own, which the request makes and so is timed too."""
    times = []
    for number, content in enumerate(pictures):
        with service.connected() as client:
            times.append(_one(client, number, content, bare))
    return times


def _one(client: Connected, number: int, content: bytes, bare: Bare) -> float:
    began = time.perf_counter()
    answer = api.ask_one(client, content)
    took = (time.perf_counter() - began) * 1000
    bare.check(number, answer["result"]["label"], answer["result"]["confidence"])
    return took


def under_load(
    service: Service, files: api.Files, pictures: list[bytes], bare: Bare
) -> tuple[list[float], float]:
    """The same at five a second while a batch of `files` is taken in and computed; milliseconds,
    and how many seconds the batch took."""
    body, headers = api.as_zip(files)
    ended = threading.Event()
    times: list[float] = []
    faults: list[BaseException] = []

    def send(client: Connected) -> None:
        number = 0
        while not ended.is_set():
            began = time.monotonic()
            try:
                times.append(_one(client, number, pictures[number], bare))
            except BaseException as fault:
                faults.append(fault)
                return
            number = (number + 1) % len(pictures)
            ended.wait(max(0.0, PAUSE - (time.monotonic() - began)))

    with service.connected() as client:
        thread = threading.Thread(target=send, args=[client])
        began = time.monotonic()
        thread.start()
        try:
            # Soon: what is sent after the end is not under load.
            api.wait(service, api.send(service, body, headers), 0.25, in_vain=lambda: bool(faults))
        except WrongError:
            if not faults:
                raise
        finally:
            took = time.monotonic() - began
            ended.set()
            thread.join()
    if faults:
        raise faults[0]
    return times, took


def rows(
    model: str,
    alone: list[float],
    anew: list[float],
    loaded: list[float],
    bare: Bare,
    micro_batch: int,
) -> list[Row]:
    p50, p95 = statistics.median(alone), quantile(alone, 0.95)
    bound = 3 * micro_batch / bare.rate * 1000 + p95
    return [
        Row(f"single, idle, {model}: p50", p50, "ms", most=P50),
        Row(f"single, idle, {model}: p95", p95, "ms", note=f"{len(alone)} requests"),
        Row(
            f"single, each by a connection of its own, {model}: p50", statistics.median(anew), "ms"
        ),
        Row(
            f"single under a batch, {model}: p95",
            quantile(loaded, 0.95),
            "ms",
            most=bound,
            note=f"{len(loaded)} at 5/s, p50 {statistics.median(loaded):.0f} ms; the bound "
            f"is 3 micro-batches of {micro_batch} and the idle p95",
        ),
    ]


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
