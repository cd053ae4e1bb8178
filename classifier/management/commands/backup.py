"""manage.py backup FILE: everything that Kadr keeps, in one tar, while it runs."""

import argparse
import sqlite3
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from classifier import backup

POSTGRESQL = (
    "PostgreSQL is saved by its own pg_dump: run that first, then this with --pictures-only, so "
    "that no row lacks its picture (docs/operations.md)"
)


class Command(BaseCommand):
    help = (
        "Write everything that Kadr keeps to a new tar file, while it runs: the SQLite database as "
        "of one moment, the pictures, one's own models and the secret key. Keep it as safe as the "
        "service itself. To restore: unpack it into an empty data folder, mode 700, and start Kadr "
        "there (docs/operations.md)."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the tar to write; it must not exist yet")
        parser.add_argument(
            "--pictures-only",
            action="store_true",
            help="for PostgreSQL, whose database pg_dump saves: run that first",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "sqlite" and not options["pictures_only"]:
            raise CommandError(POSTGRESQL)
        path: Path = options["file"]
        try:
            written = backup.write(path, with_database=not options["pictures_only"])
        except FileExistsError as error:
            raise CommandError(f"{path} is there already: choose another name") from error
        except backup.UnreadableError as error:
            raise CommandError(
                f"{error}. Nothing was written: the picture's file broke off while it was read, so "
                "look at its disk"
            ) from error
        except backup.NoRoomError as error:
            raise CommandError(f"nothing was written: {error}") from error
        except sqlite3.Error as error:
            raise CommandError(
                f"nothing was written, as the database could not be copied: {error}"
            ) from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        size = path.stat().st_size
        self.stdout.write(f"{path}: {written.files:,} files beside the database, {size:,} bytes")
        if written.unreadable:
            raise CommandError(
                f"{len(written.unreadable):,} files could not be read and are not in it, such as "
                f"{written.unreadable[0]}: look at their rights and their disk"
            )
