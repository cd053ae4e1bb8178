"""Choose the model that serves. It is loaded and tried first; what fails changes nothing."""

import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from classifier import installed_models
from classifier.installed_models import Installed
from classifier.models import Worker
from classifier.promotion import serving

NOT_HERE = 75  # of ml.check: the engine is missing or failed


class Command(BaseCommand):
    help = (
        "Make an installed model the one that serves, after checking its hash and its golden "
        "answers. Workers finish what they hold and come back with it, one at a time, within "
        "seconds; what waits is classified by the new model, and each result keeps the digest of "
        "the model that made it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", help="an id or a folder's name, as `manage.py models` lists")
        parser.add_argument("--reason", default="", help="kept with the change, for later readers")

    def handle(self, *args: Any, **options: Any) -> None:
        found = installed_models.find(options["model"])
        if found is None:
            known = ", ".join(model.name for model in installed_models.installed())
            raise CommandError(f"no model {options['model']!r} here; installed: {known or 'none'}")
        if found.manifest is None:
            raise CommandError(f"{found.name} is refused, and nothing has changed: {found.fault}")
        for engine in Worker.objects.engines() or {settings.ENGINE}:
            check(found, engine)
        serving.activate(found, reason=options["reason"])
        self.stdout.write(f"{found.manifest.id} serves from now on; workers are changing over.")


def check(model: Installed, engine: str) -> None:
    """Load it as a worker would, in a process of its own: this one has no TensorFlow."""
    command = [sys.executable, "-m", "ml.check", "--engine", engine, str(model.folder)]
    done = subprocess.run(  # noqa: S603
        command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode == NOT_HERE:
        raise CommandError(
            f"{model.name} could not be checked in {engine} here, and nothing has changed: "
            f"{done.stderr.strip().splitlines()[-1]}"
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it could not be loaded"])[-1]
        raise CommandError(f"{model.name} is refused, and nothing has changed: {reason}")
