"""manage.py classify PATH…: the terminal client, from a checkout of the service.

There are two ways to one client. `python -m kadr_client` needs the standard library only, so its
folder can be copied to the machine where the pictures are. This command is for the machine where
the service is: it knows the address from the settings, and stands in the list of `manage.py help`.
It goes through the API all the same: a picture has one way in.
"""

import argparse
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from kadr_client import cli

ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # listened on, but no place to call


class Command(BaseCommand):
    help = (
        f"{cli.ABOUT} The same as python -m kadr_client, with the address from the settings; with "
        "KADR_HTTPS, or where KADR_HOSTS leaves 127.0.0.1 out, give --url."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        cli.add_arguments(parser, url=own_url())

    def handle(self, *args: Any, **options: Any) -> None:
        cli.end_by_unwinding()
        sys.exit(cli.run(argparse.Namespace(**options)))


def own_url() -> str:
    host = ANY.get(settings.HOST, settings.HOST)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"
