"""manage.py create_token USER NAME: a bearer token for scripts."""

import argparse
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils import timezone

from classifier.models import ApiToken, Scope
from classifier.models.token import DEFAULT_SCOPES


class Command(BaseCommand):
    help = "Make a bearer token for a user. The last line printed is the token; it is shown once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("user", help="the user's name; made, without a password, if it is new")
        parser.add_argument("name", help="what the token is for, for example 'laptop'")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="what it may do; may be given several times (default: read and write)",
        )
        parser.add_argument("--days", type=_days, help="after how many days it expires")

    def handle(self, *args: Any, **options: Any) -> None:
        user, created = User.objects.get_or_create(username=options["user"])
        if created:
            user.set_unusable_password()
            user.save(update_fields=["password"])
            self.stdout.write(f"Made the user {user.username}, who cannot log in to the pages yet.")
        try:
            with transaction.atomic():
                token = ApiToken.objects.issue(
                    user,
                    options["name"],
                    options["scope"] or DEFAULT_SCOPES,
                    options["days"] and timezone.now() + timedelta(days=options["days"]),
                )
        except IntegrityError as error:
            raise CommandError(
                f"{user.username} has a token named {options['name']!r} already: choose another"
            ) from error
        self.stdout.write("Send it as 'Authorization: Bearer TOKEN'. It is not shown again:")
        self.stdout.write(token)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36500:
        raise argparse.ArgumentTypeError("a whole number of days, from 1 up")
    return int(text)
