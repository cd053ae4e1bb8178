"""Databases to upgrade: those that the releases left, and empty ones."""

import abc
import contextlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from tests.postgresql import pg
from tests.upgrades.dump import RELEASES, python

KEPT = re.compile(r"^INSERT INTO \"?(?:public\.)?((?:classifier_|auth_user|django_session)\w*)")


class Database(abc.ABC):
    kind = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def environment(self) -> dict[str, str]:
        return {"KADR_DATA": str(self.folder), "DATABASE_URL": ""}

    def text(self, release: str) -> str:
        return (RELEASES / f"{release}.{self.kind}.sql").read_text()

    def load(self, release: str) -> None:
        self.run(self.text(release))

    def migrate(self) -> None:
        python("manage.py", "migrate", "--no-input", **self.environment)

    def read(self) -> dict[str, Any]:
        out = python("-m", "tests.upgrades.reading", **self.environment)
        seen: dict[str, Any] = json.loads(out.splitlines()[-1])
        return seen

    def write_again_as(self, release: str) -> int:
        """Put the rows of a release anew, by its own statements; returns how many."""
        lines = [line for line in self.text(release).splitlines() if KEPT.match(line)]
        emptied = [f"DELETE FROM {table};" for table in self.counts(release)]
        self.run("\n".join(["BEGIN;", *emptied, *lines, "COMMIT;", ""]))
        return len(lines)

    def counts(self, release: str) -> dict[str, int]:
        """How many rows there are in each table that the release filled."""
        tables = set(re.findall(KEPT.pattern, self.text(release), re.M))
        return {name: self.rows(f"SELECT count(*) FROM {name}")[0][0] for name in sorted(tables)}

    @abc.abstractmethod
    def run(self, sql: str) -> None:
        """Execute statements."""

    @abc.abstractmethod
    def rows(self, sql: str) -> list[Any]:
        """What a query finds."""


class SQLite(Database):
    kind = "sqlite"

    def _connect(self) -> Any:
        return contextlib.closing(sqlite3.connect(self.folder / "kadr.sqlite3"))

    def run(self, sql: str) -> None:
        with self._connect() as database:
            database.executescript(sql)

    def rows(self, sql: str) -> list[Any]:
        with self._connect() as database:
            return list(database.execute(sql))


class PostgreSQL(Database):
    kind = "postgresql"

    def __init__(self, folder: Path, server: str, name: str) -> None:
        super().__init__(folder)
        with psycopg.connect(server, autocommit=True) as administrator:
            administrator.execute(f'CREATE DATABASE "{name}"')
        self.url = re.sub(r"/postgres(?=\?|$)", f"/{name}", server)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "DATABASE_URL": self.url}

    def run(self, sql: str) -> None:
        pg("psql", self.url, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "-f-", stdin=sql)

    def rows(self, sql: str) -> list[Any]:
        with psycopg.connect(self.url) as database:
            return list(database.execute(sql))
