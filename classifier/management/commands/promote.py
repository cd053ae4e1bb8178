"""manage.py promote CANDIDATE: try it on one's own pictures, then let it serve."""

import argparse
import sys
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.utils import timezone

from classifier.models import Trial, Worker
from classifier.models.trial import MEASURED, TrialStatus
from classifier.promotion import limits, serving, trials
from classifier.promotion.refused import Refused

LOOK_SECONDS = 1.0
REUSED_FOR = timedelta(days=1)  # a verdict that --force overrules


class Command(BaseCommand):
    help = (
        "Try an installed model on every reviewed picture and a sample of the recent ones, beside "
        "the model that serves, and let it serve if no limit is passed (KADR_GATE_…). A worker "
        "does the trial; Ctrl-C stops the watching only, and the same command watches again. "
        "Exits with 1 where it is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", help="an id or a folder's name")
        parser.add_argument("--reason", default="", help="kept with the change")
        parser.add_argument(
            "--force", default="", metavar="REASON", help="promote past a limit, and why"
        )
        parser.add_argument(
            "--sample",
            type=_sample,
            metavar="N",
            help=f"recent pictures to try it on, at most {settings.GATE_SAMPLE_MOST:,}",
        )
        parser.add_argument("--try-only", action="store_true", help="print the verdict, and stop")
        parser.add_argument(
            "--back", action="store_true", help="let the model serve again that did before"
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["model"]) == options["back"]:
            raise CommandError("name the candidate, or give --back")
        try:
            if options["back"]:
                row = serving.back(reason=options["reason"])
                self.stdout.write(f"{row.name} serves from now on; workers are changing over.")
            else:
                self._promote(options)
        except Refused as refused:
            raise CommandError(str(refused)) from refused

    def _promote(self, options: dict[str, Any]) -> None:
        trial = _former(options) or self._tried(options)
        self.stdout.write(summary(trial))
        if options["try_only"]:
            return
        if trial.status == TrialStatus.REFUSED and not options["force"]:
            raise CommandError('refused; nothing has changed. --force "REASON" promotes it anyway')
        row = serving.promote(trial, force=options["force"], reason=options["reason"])
        self.stdout.write(f"{row.name} serves from now on; workers are changing over.")

    def _tried(self, options: dict[str, Any]) -> Trial:
        trial = trials.begin_gate(options["model"], sample=options["sample"])
        if not Worker.objects.alive().exists():
            self.stdout.write("No worker answers; the trial begins as soon as one does.")
        try:
            while trial.is_open:
                self._show(trial)
                time.sleep(LOOK_SECONDS)
                trial.refresh_from_db()
        except KeyboardInterrupt:
            raise CommandError("the trial goes on; the same command watches again") from None
        self.stdout.write("")
        if trial.status not in MEASURED:
            raise CommandError(f"no verdict: {trial.get_status_display()}. {trial.error}".strip())
        return trial

    def _show(self, trial: Trial) -> None:
        """In place on a terminal, else a line each."""
        done, total = trial.progress()
        line = f"Tried on {done:,} of {total:,} pictures" if total else "Loading the models…"
        terminal = sys.stdout.isatty()
        self.stdout.write(f"\r{line}" if terminal else line, ending="" if terminal else "\n")


def _former(options: dict[str, Any]) -> Trial | None:
    """The verdict that --force is about, if there is one of today against the model that serves."""
    if not options["force"]:
        return None
    digest = trials.candidate(options["model"]).digest
    since = timezone.now() - REUSED_FOR
    rows = Trial.objects.gates().filter(digest=digest, status__in=MEASURED, finished_at__gte=since)
    return rows.filter(active_digest=trials.serving_model().digest).first()


def _sample(text: str) -> int:
    most = settings.GATE_SAMPLE_MOST
    if not text.isdecimal() or not 0 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to {most:,}")
    return int(text)


def summary(trial: Trial) -> str:
    """The verdict as a few lines."""
    report = trial.report or {}
    reviewed, flips, speed = report["reviewed"], report["flips"], report["speed"]
    lines = [
        f"{trial.name} beside {trial.active_name}, on {report['pictures']:,} pictures:",
        f"  right on the {reviewed['n']:,} reviewed: {_percent(reviewed['candidate'])}, "
        f"before {_percent(reviewed['active'])}; alone right {reviewed['only_candidate']:,} to "
        f"{reviewed['only_active']:,}, McNemar p = {reviewed['p']:.4f}",
        f"  calibration error: {_percent(report['calibration']['candidate'])}, "
        f"before {_percent(report['calibration']['active'])}",
        f"  recent answers that change: {flips['n']:,} of {flips['of']:,}",
        *(f"    {row['from']} → {row['to']}: {row['n']:,}" for row in flips["by_class"][:10]),
        f"  one picture takes {speed['candidate']['p50_ms']} ms, before "
        f"{speed['active']['p50_ms']} ms",
    ]
    if report["per_class"]:
        worst = report["per_class"][0]
        lines.insert(
            2,
            f"  worst class: {worst['label']} ({worst['n']:,}), {_percent(worst['candidate'])}, "
            f"before {_percent(worst['active'])}",
        )
    past = [f"  past a limit: {limits.sentence(**limit)}" for limit in report["past"]]
    return "\n".join([*lines, *(past or ["  within all limits"])])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2%}"
