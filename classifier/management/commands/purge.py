"""manage.py purge: remove for good what is old, what a user sent, or what belongs to nothing."""

import argparse
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from classifier import orphans, retention
from classifier.models import Image

HELP = """Remove pictures and answers for good: nothing is left of them, no tombstone either,
except by --forget-lost, which leaves tombstones.

--older-than 30d  pictures sent before that, files and rows, with every answer about them, unless
                  one of the answers is newer or not finished; tombstones and refused items of
                  that age; batches of which no item is left; exports.
--user NAME       the same of one user, of any age unless --older-than is given too; then what is
                  not finished is canceled. The account, its tokens and webhooks stay: to delete
                  those as well, delete the user in the admin.
--orphans         files older than a day that no row names. Rows whose files are gone are
                  listed; with --forget-lost they go too.

Webhook deliveries go after 30 days, exports after 7, idempotency keys after a day, by themselves.
What is in the trash goes after KADR_TRASH_HOURS; KADR_KEEP_DAYS does what --older-than does."""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *args: Any, **kwargs: Any) -> Any:
        parser = super().create_parser(*args, **kwargs)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--older-than", type=_age, metavar="AGE", help="30d, 12w or 36h")
        parser.add_argument("--user", metavar="NAME", help="whose")
        parser.add_argument("--orphans", action="store_true", help="files without a row")
        parser.add_argument(
            "--forget-lost", action="store_true", help="with --orphans: rows without their files"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        by_age_or_user = options["older_than"] or options["user"]
        if not by_age_or_user and not options["orphans"]:
            raise CommandError("say what is to go: --older-than, --user or --orphans")
        if options["forget_lost"] and not options["orphans"]:
            raise CommandError("--forget-lost goes with --orphans")
        self.removed = "Would be removed" if options["dry_run"] else "Removed"
        if by_age_or_user:
            self._purge(options)
        if options["orphans"]:
            self._orphans(options)

    def _purge(self, options: dict[str, Any]) -> None:
        age = options["older_than"]
        gone = retention.Purge(
            before=timezone.now() - age if age else None,
            user=_user(options["user"]) if options["user"] else None,
            dry_run=options["dry_run"],
        ).run()
        self.stdout.write(f"{self.removed}: {gone}")

    def _orphans(self, options: dict[str, Any]) -> None:
        found = sum(1 for _ in orphans.files_without_row()) if options["dry_run"] else None
        files = orphans.remove() if found is None else found
        self.stdout.write(f"{self.removed}: files without a row {files:,}")
        lost = 0
        for image in orphans.rows_without_file():
            lost += 1
            self.stdout.write(f"The files of the image {image.pk} are gone")
            if options["forget_lost"] and not options["dry_run"]:
                Image.objects.erase_each([image])
        fate = self.removed if options["forget_lost"] else "Left as they are"
        self.stdout.write(f"{fate}: rows without their files {lost:,}")


def _user(name: str) -> User:
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist as error:
        raise CommandError(f"there is no user {name!r}") from error


def _age(text: str) -> timedelta:
    units = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal() or not 1 <= int(number) <= 10_000:
        raise argparse.ArgumentTypeError("a whole number from 1 up and h, d or w, such as 30d")
    return int(number) * units[unit]
