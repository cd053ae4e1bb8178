"""Photos of 12 megapixels, one by one and as a batch, against a pipeline that decodes each in full
and twice: once for a preview, once for the network's input.

The pipeline has its files in memory, as many processes as there are cores, and neither HTTP nor
storage nor a network to pay for. Half of the photos go through it before the service has had them
all, half after.
"""

import argparse
import io
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks import api, camera, network
from benchmarks.memory import MEGABYTE, Growth
from benchmarks.network import Bare
from benchmarks.report import Row, WrongError, say, table
from benchmarks.service import ROOT, Service, form
from benchmarks.single import quantile

TIMES = 4.0  # as fast as the pipeline
CLIENTS = 4
PREVIEW_SIDE = 256  # pixels
MODEL = ROOT / "ml/models/cifar10_improved"
Numbered = list[tuple[int, bytes]]  # which of the distinct photos, and its bytes
_photos: list[bytes] = []  # of a process of the pipeline


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photos", description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--distinct", type=int, default=5, help="the others repeat these")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    asked = parser.parse_args()
    say(f"Making {asked.distinct} photos…")
    photos = [camera.photo(n) for n in range(asked.distinct)]
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder:
        service = Service(Path(folder))
        try:
            print(table(measure(service.start(), photos, asked.photos, asked.clients)))
        except WrongError as error:
            say(f"\n{error}")
            return 1
        finally:
            service.stop()
    return 0


def measure(service: Service, photos: list[bytes], count: int, clients: int = CLIENTS) -> list[Row]:
    """`count` photos, which repeat the given ones. Raises WrongError where an answer is wrong."""
    bare = known(service, photos)
    sent = list(itertools.islice(itertools.cycle(enumerate(photos)), count))
    say(f"{count} photos through the pipeline, one by one, as a batch, through the pipeline…")
    before = pipeline(photos, (count + 1) // 2)
    one_by_one, times = singles(service, sent, clients, bare)
    growth = Growth(service.web_pids())
    batched = batch(service, sent, bare)
    pipelines = [before, pipeline(photos, (count + 1) // 2)]
    size = sum(map(len, photos)) / len(photos) / MEGABYTE
    rate = sum(pipelines) / 2
    return [
        Row(
            "decoding photos in full, twice",
            rate,
            "photos/s",
            note=f"12 megapixels, {size:.1f} MB each; {pipelines[0]:.1f} before and "
            f"{pipelines[1]:.1f} after, {os.cpu_count()} processes",
        ),
        Row(
            f"photos one by one, {clients} clients",
            one_by_one,
            "photos/s",
            note=f"p50 {quantile(times, 0.5):.0f} ms, p95 {quantile(times, 0.95):.0f} ms",
        ),
        Row("… times the pipeline", one_by_one / rate, "", least=TIMES),
        Row(
            "photos as a batch of parts",
            batched,
            "photos/s",
            note=f"a web process grew by {growth.most() / MEGABYTE:.0f} MB at most",
        ),
        Row("… times the pipeline", batched / rate, "", least=TIMES),
    ]


def known(service: Service, photos: list[bytes]) -> Bare:
    """What the bare network says of the previews that the service itself makes and shows."""
    answers = [api.ask_one(service, photo) for photo in photos]
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
    service: Service, sent: Numbered, clients: int, bare: Bare
) -> tuple[float, list[float]]:
    """Photos a second with that many clients, and the milliseconds that each took."""

    def ask(numbered: tuple[int, bytes]) -> float:
        number, photo = numbered
        began = time.perf_counter()
        answer = api.ask_one(service, photo)
        took = (time.perf_counter() - began) * 1000
        bare.check(number, answer["result"]["label"], answer["result"]["confidence"])
        return took

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        times = list(threads.map(ask, sent))
    return len(sent) / (time.perf_counter() - began), times


def batch(service: Service, sent: Numbered, bare: Bare) -> float:
    """Photos a second, from the first byte sent until the last answer was read."""
    body, headers = form("image", {f"{n:04}.jpg": photo for n, (_, photo) in enumerate(sent)})
    began = time.perf_counter()
    pk = api.send(service, body, headers)
    api.wait(service, pk)
    answers = list(api.results(service, pk))
    took = time.perf_counter() - began
    if [answer["custom_id"] for answer in answers] != [f"{n:04}.jpg" for n in range(len(sent))]:
        raise WrongError(f"{len(sent)} photos were sent, {len(answers)} lines came back")
    for answer, (number, _photo) in zip(answers, sent, strict=True):
        if answer["status"] != "succeeded":
            raise WrongError(f"{answer['custom_id']} is {answer['status']}: {answer['error']}")
        bare.check(number, answer["result"]["label"], answer["result"]["confidence"])
    return len(sent) / took


def pipeline(photos: list[bytes], count: int) -> float:
    """Photos a second through full decodes, with as many processes as there are cores."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), spawn, _hold, (photos,)) as pool:
        list(pool.map(_twice, range(2 * (os.cpu_count() or 1))))  # imports, and the first pages
        began = time.perf_counter()
        list(pool.map(_twice, range(count)))
        return count / (time.perf_counter() - began)


def _hold(photos: list[bytes]) -> None:
    global _photos
    _photos = photos


def _twice(number: int) -> int:
    from ml import preprocess

    photo = _photos[number % len(_photos)]
    return len(in_full(photo)) + preprocess.from_jpeg(photo, 32).size


def in_full(photo: bytes) -> bytes:
    """A preview by way of all pixels."""
    picture = Image.open(io.BytesIO(photo))
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    upright.convert("RGB").save(out, "JPEG", quality=90, subsampling="4:4:4")
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
