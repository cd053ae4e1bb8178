"""Photos of 12 megapixels, one by one and as a batch, against a pipeline that decodes each in full
and twice: once for a preview, once for the network's input.

The pipeline has its files in memory, as many processes as there are cores, and neither HTTP nor
storage nor a network to pay for. It and the service take turns, a part of the photos at a time.
"""

import argparse
import io
import itertools
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from benchmarks import api, camera, network, processes
from benchmarks.full_decode import Numbered, Pipeline, Timed, in_full
from benchmarks.memory import MEGABYTE, Growth
from benchmarks.network import Bare
from benchmarks.report import Row, WrongError, say, table
from benchmarks.service import Service, form, running
from benchmarks.single import quantile
from ml import manifest

CLIENTS = 4
MODEL = manifest.DEFAULT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photos", description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--distinct", type=int, default=5, help="the others repeat these")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    asked = parser.parse_args()
    say(f"Making {asked.distinct} photos…")
    photos = [camera.photo(n) for n in range(asked.distinct)]
    try:
        with running() as service:
            print(table(measure(service, photos, asked.photos, asked.clients)))
    except WrongError as error:
        say(f"\n{error}")
        return 1
    return 0


def measure(service: Service, photos: list[bytes], count: int, clients: int = CLIENTS) -> list[Row]:
    """`count` photos, which repeat the given ones. Raises WrongError where an answer is wrong."""
    bare = known(service, photos)
    sent = list(itertools.islice(itertools.cycle(enumerate(photos)), count))
    base, one_by_one, batched = Timed(), Timed(), Timed()
    say(f"{count} photos through the pipeline, one by one, and as a batch…")
    with Pipeline(photos) as pipeline:
        pipeline.run(sent[0::4], base)
        times = singles(service, sent[0::2], clients, bare, one_by_one)
        pipeline.run(sent[1::4], base)
        growth = Growth(service.web_pids())
        batch(service, sent, bare, batched)
        grew = f"a web process grew by {growth.most() / MEGABYTE:.0f} MB at most"
        pipeline.run(sent[2::4], base)
        times += singles(service, sent[1::2], clients, bare, one_by_one)
        pipeline.run(sent[3::4], base)
    size = f"12 megapixels, {sum(map(len, photos)) / len(photos) / MEGABYTE:.1f} MB each"
    took = f"p50 {quantile(times, 0.5):.0f} ms, p95 {quantile(times, 0.95):.0f} ms"
    return [
        base.row("decoding photos in full, twice", f"{size}, {os.cpu_count()} processes"),
        *one_by_one.rows(f"photos one by one, {clients} clients", took, base),
        *batched.rows("photos as a batch of parts", grew, base),
    ]


def known(service: Service, photos: list[bytes]) -> Bare:
    """What the bare network says of the previews that the service itself makes and shows."""
    with service.connected() as client:
        answers = [api.ask_one(client, photo) for photo in photos]
    previews = [api.get(service, answer["image"]["url"]) for answer in answers]
    for photo, preview in zip(photos, previews, strict=True):
        compare(photo, preview)
    return network.measure(MODEL, previews)


def compare(photo: bytes, preview: bytes) -> None:
    """Raises WrongError unless the preview shows what a full decode shows."""
    ours, full = Image.open(io.BytesIO(preview)), Image.open(io.BytesIO(in_full(photo)))
    if ours.size != full.size:
        raise WrongError(f"A preview has {ours.size} pixels; in full it has {full.size}")
    pairs = zip(ours.convert("L").tobytes(), full.convert("L").tobytes(), strict=True)
    apart = sum(abs(a - b) for a, b in pairs) / (full.width * full.height)
    if apart > 3:
        raise WrongError(f"A preview is {apart:.1f} levels from what a full decode shows")


def singles(
    service: Service, sent: Numbered, clients: int, bare: Bare, timed: Timed
) -> list[float]:
    """Milliseconds that each took, with that many clients at once."""

    def ask(numbered: tuple[int, bytes]) -> float:
        number, photo = numbered
        began = time.perf_counter()
        with service.connected() as client:
            answer = api.ask_one(client, photo)
        took = (time.perf_counter() - began) * 1000
        bare.check(number, answer["result"]["label"], answer["result"]["confidence"])
        return took

    with timed.going(len(sent), spent_by(service)), ThreadPoolExecutor(clients) as threads:
        return list(threads.map(ask, sent))


def batch(service: Service, sent: Numbered, bare: Bare, timed: Timed) -> None:
    """From the first byte sent until the last answer was read."""
    body, headers = form("image", {f"{n:04}.jpg": photo for n, (_, photo) in enumerate(sent)})
    with timed.going(len(sent), spent_by(service)):
        pk = api.send(service, body, headers)
        api.wait(service, pk, pause=0.25)
        answers = list(api.results(service, pk))
    if [answer["custom_id"] for answer in answers] != [f"{n:04}.jpg" for n in range(len(sent))]:
        raise WrongError(f"{len(sent)} photos were sent, {len(answers)} lines came back")
    for answer, (number, _photo) in zip(answers, sent, strict=True):
        if answer["status"] != "succeeded":
            raise WrongError(f"{answer['custom_id']} is {answer['status']}: {answer['error']}")
        bare.check(number, answer["result"]["label"], answer["result"]["confidence"])


def spent_by(service: Service) -> Callable[[], float]:
    return lambda: sum(processes.spent(service).values())


if __name__ == "__main__":
    sys.exit(main())
