"""What the service has acknowledged, written down by each client before it goes on."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUSY = {409, 429}  # answers that ask a client to come again
SLOW = 60.0  # seconds after which a client gives up waiting for an answer


class Ledger:
    """A file of JSON lines, synced line by line, on a disk that no fault touches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("a")

    def write(self, **entry: Any) -> None:
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())


def read(folder: Path) -> list[dict[str, Any]]:
    """Every entry of every ledger in `folder`."""
    lines = (line for path in sorted(folder.glob("*.ledger")) for line in path.open())
    return [json.loads(line) for line in lines]


@dataclass
class Answers:
    """How requests were answered, for I6."""

    seconds: list[float] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    undeclared: list[str] = field(default_factory=list)
    unanswered: int = 0

    def note(self, status: int, code: str, retry_after: str | None, seconds: float) -> None:
        self.seconds.append(seconds)
        self.told[f"{status} {code}".strip()] += 1
        asks_again = status in BUSY or (status == 503 and retry_after)
        if not (200 <= status < 300 or asks_again) or seconds > SLOW:
            self.undeclared.append(f"{status} {code} after {seconds:.1f} s")
