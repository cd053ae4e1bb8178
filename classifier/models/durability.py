"""Transactions that need not outlast a power cut."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction


@contextmanager
def undurable(using: str) -> Iterator[None]:
    """A transaction whose commit does not wait for the disk: a power cut may undo the whole of it,
    never a part, and the end of a process undoes nothing. For what would be done again by itself.

    SQLite: PRAGMA synchronous, NORMAL with a write-ahead log. PostgreSQL: synchronous_commit.
    Inside of another transaction it is a part of that, and as durable. Nothing may be left for
    `on_commit`: that would be no more durable.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        with transaction.atomic(using=using):
            yield
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
            try:
                with transaction.atomic(using=using):
                    yield
            finally:
                if connection.connection is not None:  # a new one begins with what settings say
                    cursor.execute("PRAGMA synchronous=FULL")
    else:
        with transaction.atomic(using=using), connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")
            yield
