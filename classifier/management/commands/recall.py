"""manage.py recall DIGEST: withdraw a version, and have all its answers checked again."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from classifier import bell, recalls
from classifier.models import Correction, ModelVersion, Recall
from classifier.models.correction import OPEN, CorrectionStatus

LOOK_SECONDS = 1.0
ENDS = {
    CorrectionStatus.CHANGED: "changed",
    CorrectionStatus.CONFIRMED: "the same",
    CorrectionStatus.FAILED: "failed",
    CorrectionStatus.SKIPPED: "skipped",
}


class Command(BaseCommand):
    help = (
        "Withdraw a version: every answer it gave is marked, asked again of the model that serves "
        "at batch priority, and replaced; whose label changed is told (prediction.corrected). "
        "Ctrl-C stops the watching and nothing else; --stop stops the recall, and the same "
        "command without it goes on where it was. Activate another model first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("digest", help="the version's digest, or how it begins")
        parser.add_argument("--reason", default="", help="kept with the recall")
        parser.add_argument("--stop", action="store_true", help="give out no more of its answers")
        parser.add_argument("--no-wait", action="store_true", help="begin it, and do not watch")
        parser.add_argument(
            "--differences",
            action="store_true",
            help="list what its recalls changed: prediction, label before, label now",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        version = find(options["digest"])
        if options["differences"]:
            return self._list(version)
        if options["stop"]:
            stopped = Recall.objects.filter(model=version).stop()
            self.stdout.write("Stopped." if stopped else "It was not running.")
            return None
        try:
            recall = recalls.begin(version, reason=options["reason"])
        except recalls.StillServes as error:
            raise CommandError(
                f"{error} is the model that serves: activate another one first, then recall it"
            ) from error
        return self._run(recall, watch=not options["no_wait"])

    def _run(self, recall: Recall, watch: bool) -> None:
        try:
            if not recalls.is_over(recall):
                for seen in recalls.find(recall):
                    self._show(f"Looking for its answers: {seen:,} looked at")
                bell.ring()
            while watch and not recalls.is_over(recall):
                self._show(self._progress(recall))
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            self.stdout.write("\nIt goes on without this command; the same command watches again.")
            return
        self._show(self._progress(recall))
        self.stdout.write("")

    def _progress(self, recall: Recall) -> str:
        counts = recall.counts()
        left = sum(counts.get(status, 0) for status in OPEN)
        done = ", ".join(f"{name} {counts.get(status, 0):,}" for status, name in ENDS.items())
        return f"Checked {counts['total'] - left:,} of {counts['total']:,}: {done}"

    def _show(self, line: str) -> None:
        """In place on a terminal, else a line each."""
        terminal = sys.stdout.isatty()
        self.stdout.write(f"\r{line}" if terminal else line, ending="" if terminal else "\n")

    def _list(self, version: ModelVersion) -> None:
        if not Recall.objects.filter(model=version).exists():
            raise CommandError(f"{version} was never recalled")
        rows = Correction.objects.filter(recall__model=version)
        changed = rows.filter(status=CorrectionStatus.CHANGED).order_by("pk")
        for pk, before, after in changed.values_list(
            "prediction", "label_before", "label_after"
        ).iterator():
            self.stdout.write(f"{pk}\t{before}\t{after}")


def find(digest: str) -> ModelVersion:
    """The only version whose digest begins so."""
    found = list(ModelVersion.objects.filter(digest__startswith=digest.lower())[:2])
    if len(found) == 1 and len(digest) >= 4:
        return found[0]
    known = ", ".join(f"{v.digest[:12]} ({v.name})" for v in ModelVersion.objects.all()[:20])
    raise CommandError(
        f"no one version has a digest that begins with {digest!r} (at least 4 digits); "
        f"those that have answered: {known or 'none'}"
    )
