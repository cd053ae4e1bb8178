"""What a run needs: the service on a small disk of its own, a database, a broker, a log."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import service
from benchmarks.pictures import jpeg
from benchmarks.service import ROOT, free_port
from tests.chaos.broker import Broker, Embedded, Namespaced, namespaces_work
from tests.chaos.database import Database, PostgreSQL, Sqlite
from tests.chaos.ledger import Ledger

POISON, HANG, MEMORY = 1, 2, 3  # pictures that end the worker that reads them; see hooks/
HOOKS = Path(__file__).parent / "hooks"
DISK = 192  # MB
KEPT_FREE = 24  # MB


class Service(service.Service):
    """As the benchmarks start it, but a launcher that was killed can be started again."""

    def launch(self) -> None:
        with (self.data.parent / "launcher.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def describe(self) -> str:
        logs = sorted((self.data / "logs").glob("*.log"))
        return "\n".join(f"{p.name}:\n{p.read_text(errors='replace')[-1500:]}" for p in logs)


class Rig:
    """Starts everything in `folder`; `log` keeps every line."""

    def __init__(self, folder: Path, database: str, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.began = time.monotonic()
        self.lock = threading.Lock()
        self.log_file = (folder / "chaos.log").open("a")
        self.ledger = Ledger(folder / "faults.ledger")
        self.data = folder / "data"
        self.data.mkdir()
        self.has_disk = self._mount()
        self.service = Service(self.data)
        self.database: Database = (
            Sqlite(self.data)
            if database == "sqlite"
            else PostgreSQL(folder / "postgresql", free_port())
        )
        grown = database != "sqlite" and namespaces_work()
        self.broker: Broker = Namespaced(folder / "valkey") if grown else Embedded(self.service)
        self.service.settings = self._settings()

    def _settings(self) -> dict[str, str]:
        pictures = {"POISON": POISON, "HANG": HANG, "MEMORY": MEMORY}
        digests = {f"CHAOS_{name}": sha256(number) for name, number in pictures.items()}
        places = {"DATABASE_URL": self.database.url, "REDIS_URL": self.broker.url}
        quiet = {"PYTHONPATH": str(HOOKS), "TF_CPP_MIN_LOG_LEVEL": "2"}
        return {**digests, **places, **quiet, "KADR_FREE_MB": str(KEPT_FREE)}

    def start(self) -> None:
        self.service.launch()
        service.wait_for(self.service.ready, service.START_SECONDS, self.service.describe)
        self.database.count_answers()

    def token(self, name: str) -> str:
        return self.service.manage("create_token", name, "chaos").splitlines()[-1]

    def say(self, text: str) -> None:
        line = f"{time.monotonic() - self.began:7.1f} s  {text}"
        with self.lock:
            print(line, flush=True)
            self.log_file.write(f"{datetime.now(UTC).isoformat()}  {line}\n")
            self.log_file.flush()

    def acknowledged(self, answer: bytes, number: int) -> None:
        self.ledger.write(prediction=json.loads(answer)["id"], number=number)

    def rows(self, query: str) -> list[Any]:
        return self.database.rows(query)

    # Processes: those of this run and no other

    def pid(self, name: str) -> int:
        return self.service.pid(name)

    def children(self, name: str) -> list[int]:
        pid = self.pid(name)
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def send(self, pid: int, number: signal.Signals) -> None:
        """Signal a process, if it is one of ours."""
        try:
            ours = f"KADR_DATA={self.data}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            if ours:
                os.kill(pid, number)
        except (FileNotFoundError, ProcessLookupError):
            return

    def stop(self) -> None:
        self.service.stop()
        shutil.copytree(self.data / "logs", self.folder / "logs", dirs_exist_ok=True)
        self.broker.stop()
        self.database.stop()
        if self.has_disk:
            subprocess.run(["umount", "--lazy", str(self.data)], check=False)

    def _mount(self) -> bool:
        """A disk so small that it can be filled; needs root."""
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "tmpfs", str(self.data)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def sha256(number: int) -> str:
    return hashlib.sha256(jpeg(number)).hexdigest()
