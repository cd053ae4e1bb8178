"""Which exceptions are outages of the database or the disk: they pass, and are no fault of ours.

An outage is answered with 503 and Retry-After; whatever else breaks is a 500.
"""

import errno
import shutil
import sqlite3
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from classifier.problems import Problem

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
POSTGRESQL_FULL = "53100"  # disk_full; PostgreSQL, appendix A
ANY_SQLITE_ERROR = 0xFF  # the part of an extended code that says which kind it is


def problem_of(error: BaseException) -> Problem | None:
    """DATABASE_UNAVAILABLE or STORAGE_FULL; None where it is no outage."""
    if isinstance(error, OSError) and error.errno in FULL:
        return Problem("STORAGE_FULL")
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    code = _sqlite_code(error)
    if code == sqlite3.SQLITE_ERROR:  # such as a table that is not there
        return None
    full = code == sqlite3.SQLITE_FULL or _sqlstate(error) == POSTGRESQL_FULL
    return Problem("STORAGE_FULL" if full else "DATABASE_UNAVAILABLE")


def may_be_committed(error: BaseException) -> bool:
    """Whether a transaction that ended so may have been committed all the same: a server that went
    away while it was asked to commit has not said. SQLite knows."""
    lost = isinstance(error, OperationalError | InterfaceError)
    return lost and connection.vendor != "sqlite"


def check_room(wanted: int = 0) -> None:
    """Raises Problem STORAGE_FULL while less would be free beside `wanted` bytes than answers and
    messages may need."""
    if not has_room(wanted):
        raise Problem("STORAGE_FULL")


def has_room(wanted: int = 0) -> bool:
    free: int = shutil.disk_usage(settings.DATA).free
    return free >= settings.FREE_BYTES + wanted


def sqlite_bytes() -> int:
    """What the SQLite database takes on the disk, with the log of what is not in its file yet."""
    path = Path(connection.settings_dict["NAME"])
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _sqlite_code(error: BaseException) -> int:
    return int(getattr(error.__cause__, "sqlite_errorcode", 0)) & ANY_SQLITE_ERROR


def _sqlstate(error: BaseException) -> str:
    return str(getattr(error.__cause__, "sqlstate", None) or "")
