"""Sends mutated JPEGs to a running service and says what became of them.

    python -m tests.fuzz_jpegs http://127.0.0.1:8080 [--seed N] [--n N] [--token TOKEN] [--pid PID]

Each file depends on the seed and its number alone, so a failure can be sent again. Ends with 1
after an answer that is no acceptance and no known refusal, an answer that takes over 30 s, or
growth of the process tree under PID (gunicorn's master; Linux) beyond 64 MB between the first tenth
and the end.
"""

import argparse
import collections
import http.client
import json
import random
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests import hostile
from tests.live import processes
from tests.live.service import Service

ANSWER_SECONDS = 30
GROWTH = 64 * 1024 * 1024  # bytes


def files(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    kinds = sorted(hostile.kinds().items())
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        kind, data = chance.choice(kinds)
        yield f"{kind}, number {number}", hostile.mutated(data, chance)


class Sender:
    def __init__(self, url: str, token: str) -> None:
        self.host = urlsplit(url).netloc
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection = http.client.HTTPConnection(self.host, timeout=ANSWER_SECONDS)

    def outcome(self, data: bytes) -> str:
        """`accepted`, a code of refusal, or what went wrong."""
        body, form = Service.form(data)
        try:
            self.connection.request("POST", "/api/v1/predictions", body, {**self.headers, **form})
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.connection.close()
            return f"no answer: {error!r}"
        if response.status == 429:
            time.sleep(int(response.headers["Retry-After"]))
            return self.outcome(data)
        return "accepted" if response.status == 202 else f"{answer.get('code', response.status)}"


def resident(pid: int) -> int:
    """Bytes, of the process and all under it."""
    below = sum(resident(child) for child in processes.children(pid))
    return processes.memory(pid) + below


def run(sender: Sender, seed: int, count: int, pid: int) -> bool:
    told: collections.Counter[str] = collections.Counter()
    slowest, bad, begun, early = 0.0, [], time.monotonic(), 0
    for number, (name, data) in enumerate(files(seed, count)):
        sent = time.monotonic()
        outcome = sender.outcome(data)
        slowest = max(slowest, time.monotonic() - sent)
        told[outcome] += 1
        if outcome != "accepted" and outcome not in hostile.REFUSALS:
            bad.append(f"{name}: {outcome}")
        if number == count // 10 and pid:
            early = resident(pid)
    seconds = time.monotonic() - begun
    print(f"{count} files, seed {seed}, {seconds:.0f} s, slowest {slowest:.2f} s")
    print(*(f"{n:6} {outcome}" for outcome, n in told.most_common()), sep="\n")
    growth = resident(pid) - early if pid else 0
    print(f"memory: {early / 1e6:.0f} MB, grown by {growth / 1e6:.1f} MB" if pid else "")
    print(*bad, sep="\n")
    return not bad and growth < GROWTH and slowest < ANSWER_SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--token", default="", help="from manage.py create_token")
    parser.add_argument("--pid", type=int, default=0, help="of gunicorn's master")
    asked = parser.parse_args()
    sender = Sender(asked.url, asked.token)
    return 0 if run(sender, asked.seed, asked.n, asked.pid) else 1


if __name__ == "__main__":
    sys.exit(main())
