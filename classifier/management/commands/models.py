"""What models are installed here, how good and how fast they are, and which of them serves."""

from typing import Any

from django.core.management.base import BaseCommand

from classifier import installed_models
from classifier.installed_models import Installed
from ml import manifest

COLUMNS = "{:1} {:<28} {:<12} {:>9} {:>11} {:>9}  {}"


class Command(BaseCommand):
    help = (
        "List the installed models: id, digest, accuracy on its test pictures, parameters, "
        "pictures a second at 128 at a time, folder. * marks the one that serves."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        head = ("", "id", "digest", "accuracy", "parameters", "per s", "folder")
        self.stdout.write(COLUMNS.format(*head))
        serving = installed_models.active()
        for model in installed_models.installed():
            self.stdout.write(_line(model, model.folder == serving))
        if name := installed_models.changed():
            self.stdout.write(
                f"! {name} was changed since it was activated, or removed; workers that start now "
                f"take {serving.name}. manage.py activate {name} lets what lies there serve."
            )


def _line(model: Installed, serves: bool) -> str:
    described = model.manifest
    if described is None:
        return f"! {model.name}: {model.fault}"
    measured = described.metrics.get("test", {})
    speed = _card(model).get("test", {}).get("speed", {}).get("per_second", {})
    return COLUMNS.format(
        "*" if serves else "",
        described.id,
        described.digest[:12],
        f"{measured['accuracy']:.2%}" if measured else "?",
        f"{described.metrics.get('parameters', 0):,}",
        f"{speed.get('128', '?')}",
        model.folder,
    )


def _card(model: Installed) -> dict[str, Any]:
    """{} also where it cannot be read: that keeps nobody from what else is there."""
    try:
        return manifest.read_card(model.folder)
    except manifest.ManifestError:
        return {}
