"""Writes the database of the release that is checked out, as SQL, for the upgrade tests to keep.

    .venv/bin/python -m tests.upgrades.dump 0.1.0

Run it once for each release, at its commit, and never change what it wrote: that is what stands on
people's disks. It needs the test requirements only. tests/upgrades/states.py says what is in it.
"""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.postgresql import pg, postgresql

RELEASES = Path(__file__).parent / "releases"
ROOT = Path(__file__).parent.parent.parent
SECRET = "signs the sessions in these databases and nothing else"
FILL = "import django; django.setup(); from tests.upgrades.states import make_all; make_all()"


def python(*words: str, **environment: str) -> str:
    """Run Python as the service's commands run, on the data folder and database that are given."""
    fixed = {"DJANGO_SETTINGS_MODULE": "classifier_site.settings", "KADR_SECRET_KEY": SECRET}
    environment = {**os.environ, **fixed, **environment}
    process = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-4000:]
    return process.stdout


def fill(**environment: str) -> None:
    python("manage.py", "migrate", "--no-input", **environment)
    python("-c", FILL, **environment)


def of_sqlite(folder: Path) -> str:
    fill(KADR_DATA=str(folder), DATABASE_URL="")
    database = sqlite3.connect(folder / "kadr.sqlite3")
    made = (
        "SELECT type, name, sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"
    )
    objects = database.execute(f"{made} ORDER BY type = 'table' DESC, rowid").fetchall()
    lines = [f"{' '.join(sql.split())};" for _type, _name, sql in objects]
    for kind, table, _sql in objects:
        if kind == "table":
            lines += inserts(database, table)
    return "BEGIN;\n" + "\n".join(lines) + "\nCOMMIT;\n"


def inserts(database: sqlite3.Connection, table: str) -> list[str]:
    """With the names of the columns: what this release writes, whatever columns are added later."""
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    quoted = " || ', ' || ".join(f'quote("{name}")' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    rows = database.execute(f'SELECT {quoted} FROM "{table}"')
    return [f'INSERT INTO "{table}" ({names}) VALUES ({values});' for (values,) in rows]


def of_postgresql(folder: Path) -> str:
    with postgresql() as url:
        fill(KADR_DATA=str(folder), DATABASE_URL=url)
        text = pg("pg_dump", url, "--column-inserts", "--no-owner", "--no-privileges")
    text = re.sub(r"^(--.*|\\(un)?restrict .*|SET transaction_timeout.*)\n", "", text, flags=re.M)
    return re.sub(r"\n{2,}", "\n", text)


def main(release: str) -> None:
    RELEASES.mkdir(exist_ok=True)
    for name, dump in (("sqlite", of_sqlite), ("postgresql", of_postgresql)):
        with tempfile.TemporaryDirectory() as folder:
            path = RELEASES / f"{release}.{name}.sql"
            path.write_text(dump(Path(folder)))
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
