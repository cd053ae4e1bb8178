"""manage.py shadow: let a candidate answer beside the model that serves, unseen."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from classifier.models import Trial
from classifier.promotion import figures, trials
from classifier.promotion.refused import Refused


class Command(BaseCommand):
    help = (
        "Let a candidate answer a share of what comes, beside the model that serves. Its answers "
        "are kept and compared, and shown to nobody who sent a picture. Without a candidate: what "
        "the shadow has found so far."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", help="an id or a folder's name")
        parser.add_argument(
            "--share",
            type=float,
            default=0.1,
            help="of the traffic, above 0 and at most 1; default 0.1",
        )
        parser.add_argument("--off", action="store_true", help="end it; what it found stays")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        if options["off"]:
            ended = Trial.objects.shadows().cancel()
            self.stdout.write("Ended." if ended else "There was none.")
        elif options["model"]:
            self._begin(options["model"], options["share"])
        else:
            self._tell()

    def _begin(self, name: str, share: float) -> None:
        try:
            trial = trials.begin_shadow(name, share)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{trial.name} answers {trial.share:.1%} of what comes, unseen.")

    def _tell(self) -> None:
        trial = Trial.objects.shadows().first()
        if trial is None:
            raise CommandError("no candidate ever was a shadow")
        done, total = trial.progress()
        report = figures.report(figures.pairs_of(trial))
        flips, reviewed = report["flips"], report["reviewed"]
        self.stdout.write(f"{trial.name}: {trial.get_status_display()}, {done:,} of {total:,}")
        self.stdout.write(f"  would have answered otherwise: {flips['n']:,} of {flips['of']:,}")
        for row in flips["by_class"][:10]:
            self.stdout.write(f"    {row['from']} → {row['to']}: {row['n']:,}")
        self.stdout.write(
            f"  of {reviewed['n']:,} reviewed: alone right {reviewed['only_candidate']:,}, the "
            f"serving model alone {reviewed['only_active']:,}, McNemar p = {reviewed['p']:.4f}"
        )
