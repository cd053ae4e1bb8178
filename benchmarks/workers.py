"""How much the queue carries: workers whose network only waits, on PostgreSQL. What limits them is
then the web process, the database, the broker and their own bookkeeping.

Pictures are named by id, so that the bytes of an upload are not measured again.
"""

import argparse
import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import api, pictures, processes
from benchmarks.postgresql import postgresql
from benchmarks.report import Row, say, table
from benchmarks.service import ROOT, Service, own_environment, wait_for
from launcher import broker, commands
from launcher.site import Site

COUNTS = (1, 2, 4)
MICRO_BATCH = 256
READY, GO = "waiting", "go"  # files: one a worker that is ready; the one that they wait for


class Grown(Service):
    """The service on PostgreSQL, each part a process of ours, with any number of workers."""

    def __init__(self, data: Path, database: str) -> None:
        super().__init__(data)
        self.database = database
        socket = data / "v.sock"
        url = f"unix://{socket}?db=0"
        self.site = Site(ROOT, data, "127.0.0.1", self.port, url, socket, False)
        self.parts: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return own_environment(
            self.data,
            PORT=str(self.port),
            DATABASE_URL=self.database,
            REDIS_URL=self.site.redis_url,
            KADR_MICRO_BATCH=str(MICRO_BATCH),
            DJANGO_SETTINGS_MODULE="classifier_site.settings",
        )

    def start(self) -> "Grown":
        (self.data / "valkey").mkdir()
        self.run(commands.broker(self.site, broker.find_server()))
        self.manage("migrate", "--no-input")
        self.manage("collectstatic", "--no-input")
        self.run(commands.web(self.site))
        wait_for(self.answers, 60, self.describe)
        self.token = self.manage("create_token", "benchmark", self.data.name).splitlines()[-1]
        return self

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.request("GET", "/livez")[0] == 200
        return False

    def run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.data / "launcher.log").open("ab") as log:
            part = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self.parts.append(part)
        return part

    def add_worker(self) -> subprocess.Popen[bytes]:
        words = commands.worker(self.site)
        words[words.index("--include") + 1] = "worker.tasks,benchmarks.waiting"
        return self.run(words)

    def stop(self) -> None:
        for part in reversed(self.parts):
            part.terminate()
        for part in reversed(self.parts):
            part.wait(timeout=60)
        self.parts = []


def measure(count: int, numbers: tuple[int, ...] = COUNTS) -> Iterator[Row]:
    rates: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="kadr-benchmark-") as folder, postgresql() as url:
        for workers in numbers:
            data = Path(folder, str(workers))
            data.mkdir()
            service = Grown(data, url)
            try:
                service.start()
                taken, rates[workers], cost = _measured(service, count, workers)
            finally:
                service.stop()
            yield Row(
                f"queue, {workers} waiting worker{'s' if workers > 1 else ''} on PostgreSQL",
                rates[workers],
                "images/s",
                note=f"{cost:.2f} core-ms an image of the workers; {rates[workers] / rates[1]:.2f} "
                f"times one; taken in at {taken:,.0f}/s",
            )


def _measured(service: Grown, count: int, workers: int) -> tuple[float, float, float]:
    """Images a second taken in, and answered; milliseconds of the workers' cores an image."""
    image = api.ask_later(service, pictures.jpeg(0))
    began = time.monotonic()
    batch = api.send(service, *api.as_lines([image] * count))
    taken = count / (time.monotonic() - began)
    started = [service.add_worker() for _ in range(workers)]
    wait_for(lambda: len(list(service.data.glob(f"{READY}-*"))) == workers, 120, service.describe)
    before = _spent(started)
    (service.data / GO).touch()
    began = time.monotonic()
    wait_for(lambda: api.finished(service, batch), 600, service.describe)
    seconds = time.monotonic() - began
    return taken, count / seconds, (_spent(started) - before) / count * 1000


def _spent(parts: list[subprocess.Popen[bytes]]) -> float:
    return sum(processes.seconds(pid) for part in parts for pid in processes.family(part.pid))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    say("Starting PostgreSQL and the service, once for each number of workers…")
    print(table(list(measure(parser.parse_args().pictures))))


if __name__ == "__main__":
    main()
