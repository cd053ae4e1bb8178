"""manage.py worker_alive: for a container's health check."""

import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from classifier.models import Worker


class Command(BaseCommand):
    help = "Exit with 0 if a worker on this host has written its heartbeat lately, else with 1."

    def handle(self, *args: Any, **options: Any) -> None:
        if not Worker.objects.alive().filter(host=socket.gethostname()).exists():
            raise CommandError("no worker on this host has been heard of lately")
