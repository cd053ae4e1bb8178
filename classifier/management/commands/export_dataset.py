"""manage.py export_dataset FILE: what reviewers have said, with its pictures, to train on."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from classifier.dataset import archive
from classifier.dataset.archive import Written
from classifier.dataset.selection import NONE, TRAIN, VALIDATION, Wanted
from classifier.models import ModelVersion
from kadr_client.progress import Progress

HELP = """Write every reviewed picture with its label to a new ZIP, laid out as ImageFolder loaders
read it once it is unpacked:

  train/cat/HASH.jpg  validation/dog/HASH.jpg  none/HASH.jpg (none of the classes)
  labels.csv  labels.jsonl  classes.json  dataset.json

A picture is in the split that its hash says, so it is in the same one in every export. The pictures
are the previews that the network was shown, without metadata. Train on the file as it is:

  python -m ml.train fine_tune --data FILE --from MODEL"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        parser = super().create_parser(*args, **kwargs)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the ZIP to write; it must not exist yet")
        parser.add_argument("--since", type=_moment, metavar="TIME", help="reviewed then or later")
        parser.add_argument("--until", type=_moment, metavar="TIME", help="reviewed before")
        parser.add_argument("--model", help="answered by it: a name, or how its digest begins")
        parser.add_argument(
            "--validation",
            type=_share,
            default=0.1,
            metavar="SHARE",
            help="of the pictures, kept to choose on (default: 0.1)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Wanted(
            since=options["since"] or "",
            until=options["until"] or "",
            model=_digest(options["model"]) if options["model"] else "",
            validation=options["validation"],
        )
        path: Path = options["file"]
        try:
            written = _write(path, wanted)
        except FileExistsError as error:
            raise CommandError(f"{path} is there already: choose another name") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        self._tell(path, written)

    def _tell(self, path: Path, written: Written) -> None:
        by_split = {
            name: sum(n for (split, _label), n in written.pictures.items() if split == name)
            for name in (TRAIN, VALIDATION, NONE)
        }
        told = ", ".join(f"{name} {n:,}" for name, n in by_split.items())
        self.stdout.write(f"{path}: {told}")
        if written.missing:
            self.stderr.write(f"left out, for their file is gone: {written.missing:,}")


def _write(path: Path, wanted: Wanted) -> Written:
    """Whole or not at all, readable by its owner alone. Raises OSError, FileExistsError."""
    if path.exists():
        raise FileExistsError(path)
    total = wanted.reviews().count()
    if not total:
        raise CommandError("nothing is reviewed yet of what is asked for, so nothing is written")
    progress, partial = Progress(), path.with_name(f"{path.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            written = archive.write(file, wanted, lambda n: progress.show(n, total, "pictures"))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        progress.close()
    return written


def _digest(given: str) -> str:
    known = ModelVersion.objects.filter(Q(name=given) | Q(digest__startswith=given))
    if (found := known.first()) is None:
        raise CommandError(f"no model {given!r} has answered here")
    return found.digest


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "a date or a time by ISO 8601, such as 2026-11-01"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 0.9:
        raise argparse.ArgumentTypeError("a number from 0 to 0.9")
    return share
