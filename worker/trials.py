"""Trials, in a thread beside the worker's work: their pictures are given to the candidate's own
process, a page at a time. Whoever dies leaves rows without an answer, which the next one takes up.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from classifier import installed_models
from classifier.models import ReviewTask, Stream, Trial, TrialAnswer, WorkQueue
from classifier.models.trial import ERROR, TrialKind, TrialStatus
from classifier.models.work_queue import QueueName
from classifier.promotion import figures, limits, trials
from worker.candidate import Answer, Candidate, CandidateError

logger = logging.getLogger(__name__)
UNREADABLE = "PREVIEW_UNREADABLE"
CLAIMED_WITHIN = 120  # seconds, in which a worker that was started anew has long looked


class Trials:
    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.stopped = threading.Event()
        self._candidate: Candidate | None = None
        self._stuck: tuple[uuid.UUID, float] | None = None  # a gate, and since when it is seen so

    def start(self) -> None:
        threading.Thread(target=self._run, name="trials", daemon=True).start()

    def stop(self) -> None:
        self.stopped.set()

    def _run(self) -> None:
        while not self.stopped.wait(settings.HEARTBEAT_SECONDS):
            try:
                close_old_connections()
                self.run_one()
            except (DatabaseError, OSError) as error:
                logger.warning("No trial could be gone on with: %s", error)
        self._end_candidate()
        connection.close()

    def run_one(self) -> bool:
        """Go on with a trial until nothing of it is left to do now; False where there is none."""
        digests = {model.digest for model in installed_models.installed() if model.digest}
        trial = Trial.objects.claim(self.worker, digests)
        if trial is None:
            self._give_up_stuck(digests)
            if not Trial.objects.shadows().open().exists():
                self._end_candidate()
            return False
        try:
            self._go_on(trial)
        except CandidateError as error:
            logger.warning("The candidate %s failed: %s", trial.name, error)
            self._end_candidate()
            trial.finish(TrialStatus.FAILED, error=str(error)[:ERROR])
        return True

    def _give_up_stuck(self, digests: set[str]) -> None:
        """End a gate that no worker has claimed for long, one of its models being gone from here;
        another one may have it, so that is waited for."""
        held_back = QueueName.TRIALS in WorkQueue.objects.held()  # a worker lets go of it each time
        stuck = None if held_back else Trial.objects.stuck(digests)
        if stuck is None or self._stuck is None or self._stuck[0] != stuck.pk:
            self._stuck = (stuck.pk, time.monotonic()) if stuck else None
            return
        late = time.monotonic() - self._stuck[1] >= CLAIMED_WITHIN
        if late and not Trial.objects.held().exists():  # who is at a shadow looks after it
            missing = stuck.folder if stuck.digest not in digests else stuck.active_folder
            error = f"{missing} is no longer installed as it was when the trial began"
            logger.warning("The trial of %s is given up: %s", stuck.name, error)
            Trial.objects.filter(pk=stuck.pk).give_up(error)

    def _go_on(self, trial: Trial) -> None:
        if trial.prepared_at is None:
            trials.prepare(trial)
        candidate = self._candidate_for(trial)
        if not trial.hold_on(speed=_speed(candidate)):
            return
        while page := trial.answers.all().page(settings.TRIAL_PAGE):
            answer(page, candidate)
            if self.stopped.is_set() or not trial.hold_on():
                return
        if trial.kind == TrialKind.SHADOW or trial.answers.pending().exists():
            trial.let_go()  # a shadow goes on; so does what waits in a paused queue
        else:
            conclude(trial)

    def _candidate_for(self, trial: Trial) -> Candidate:
        """The candidate, and beside it, in a gate, the model that serves. Kept while a shadow has
        more to come."""
        names = [trial.folder, *([trial.active_folder] if trial.active_folder else [])]
        found = [installed_models.find(name) for name in names]
        folders = [each.folder for each in found if each]
        if self._candidate is None or self._candidate.folders != folders:
            self._end_candidate()
            self._candidate = Candidate(folders)
        digests = [model["digest"] for model in self._candidate.models]
        if digests != [trial.digest, *([trial.active_digest] if trial.active_digest else [])]:
            raise CandidateError("its folder was changed since the trial began")
        return self._candidate

    def _end_candidate(self) -> None:
        if self._candidate:
            self._candidate.end()
        self._candidate = None


def answer(page: list[TrialAnswer], candidate: Candidate) -> None:
    """Write what is said of each picture; one that cannot be read is noted as such."""
    pictures = {row.pk: jpeg for row in page if (jpeg := _read(row))}
    said = dict(zip(pictures, candidate.answer(list(pictures.values())), strict=True))
    for row in page:
        if answers := said.get(row.pk):
            row.write(**_fields(answers))
        else:
            row.write(error_code=UNREADABLE)
    _show_reviewers(row.pk for row in page)


def _show_reviewers(answers: Iterable[int]) -> None:
    """Where two models disagree one of them is wrong: a person should say which."""
    flips = TrialAnswer.objects.filter(pk__in=list(answers)).flips()
    tasks = [
        ReviewTask(prediction_id=pk, stream=Stream.DISAGREEMENT)
        for pk in flips.values_list("prediction", flat=True)
    ]
    ReviewTask.objects.bulk_create(tasks, ignore_conflicts=True)


def _read(row: TrialAnswer) -> bytes | None:
    image = row.prediction.image
    try:
        return image.read_preview() if image and not image.quarantined_at else None
    except OSError as error:
        logger.warning("The preview of %s could not be read: %s", row.prediction_id, error)
        return None


def _fields(answers: list[Answer]) -> dict[str, object]:
    """The candidate's, and where it was asked too what the model that serves said."""
    fields = dict(answers[0])
    for active in answers[1:]:
        fields |= {f"active_{name}": value for name, value in active.items()}
    return fields


def _speed(candidate: Candidate) -> dict[str, object]:
    speeds = [model["speed"] for model in candidate.models]
    return dict(zip(("candidate", "active"), speeds, strict=False))


def conclude(trial: Trial) -> None:
    """The verdict of a gate."""
    unreadable = trial.answers.filter(error_code=UNREADABLE).count()
    report = figures.report(figures.pairs_of(trial), unreadable)
    report["speed"] = Trial.objects.values_list("speed", flat=True).get(pk=trial.pk)
    past = limits.exceeded(report)
    report["past"] = [limit.as_dict() for limit in past]
    trial.finish(TrialStatus.REFUSED if past else TrialStatus.PASSED, report=report)
