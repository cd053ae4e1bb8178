"""How predictions change: asked for, claimed, published, given back, canceled, retried, erased.

Contracts that hold here (docs/architecture.md): the row is the truth, a message only a bell; a
claim raises `attempt` and sets a lease and a fence; a result is one conditional UPDATE that names
the fence. Each change of status is one UPDATE whose row count tells whether it happened.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction
from django.db.models.functions import Now
from django.utils import timezone

from classifier.models import claiming, publishing
from classifier.models.attempt import Attempt, Outcome
from classifier.models.batch import Batch
from classifier.models.claiming import Claimed
from classifier.models.durability import undurable
from classifier.models.idempotency import IdempotencyKey
from classifier.models.image import Image
from classifier.models.inserting import insert
from classifier.models.model_version import ModelVersion
from classifier.models.owner import OwnedQuerySet
from classifier.models.prepared import Prepared
from classifier.models.status import FINAL, RETRYABLE, TRANSITIONS, Status
from classifier.models.webhook import WebhookEndpoint
from classifier.models.webhook_delivery import WebhookDelivery
from classifier.models.work_queue import WorkQueue

if TYPE_CHECKING:
    from classifier.models.prediction import Prediction

INTERACTIVE, BATCH = 0, 1
CLOCK_SKEW = timedelta(seconds=2)  # between the web's clock and the worker's
PAGE = 10_000  # rows; some builds of SQLite take 32,766 values in a statement
EXAMPLE_TIME = datetime(2000, 1, 1, tzinfo=UTC)
FREE: dict[str, Any] = {"fence": None, "lease_until": None}
LISTENERS = Prepared(
    lambda: WebhookEndpoint.objects.filter(enabled=True).values_list("user").distinct().order_by()
)


@dataclass(frozen=True)
class Result:
    """One answer: the probabilities in the order of the model's classes, and the likeliest."""

    label: str
    confidence: float
    probabilities: list[float]
    off_topic_score: float | None = None
    off_topic: bool | None = None

    @property
    def margin(self) -> float:
        """By how much the likeliest label leads."""
        first, second, *_rest = sorted([*self.probabilities, 0.0], reverse=True)
        return first - second


class PredictionQuerySet(OwnedQuerySet["Prediction"]):
    def ask(self, image: Image, priority: int = INTERACTIVE, **fields: Any) -> "Prediction":
        """Queue a prediction for an image; its owner is the image's. Ringing is the caller's."""
        owner = {"owner": image.owner, "visitor": image.visitor}
        prediction = self.model(image=image, priority=priority, **owner, **fields)
        insert(prediction)
        return prediction

    def kept(self) -> Self:
        """Without what was deleted, be it a tombstone or in the trash."""
        return self.filter(deleted_at=None, image__trashed_at=None)

    def pictured(self) -> Self:
        """What a page can show: neither refused items of batches nor what was deleted."""
        return self.filter(image__isnull=False, image__trashed_at=None)

    def answered(self) -> Self:
        return self.filter(status=Status.SUCCEEDED)

    def waiting(self) -> Self:
        return self.filter(status=Status.QUEUED)

    def unfinished(self) -> Self:
        return self.exclude(status__in=FINAL)

    def lost(self) -> Self:
        """Claimed by a worker that has not answered within its lease."""
        return self.filter(status=Status.RUNNING, lease_until__lt=Now())

    # What workers do

    def claim(
        self, limit: int, worker: str, priorities: Iterable[int] = (INTERACTIVE, BATCH)
    ) -> list[Claimed]:
        """Take up to `limit` waiting rows for `worker`, oldest first, all of the first of
        `priorities` of which any wait.

        A power cut may undo it: the rows then wait as before.

        A row that was claimed before is taken alone: it may be what ended its last worker, and
        must not use up the attempts of others.
        """
        fence = uuid.uuid4()
        with undurable(self.db):
            rows = self._next(limit, priorities)
            moved = claiming.take([pk for pk, *_rest in rows], fence, worker, using=self.db)
            assert moved == len(rows), "what is held is nobody else's to move"
        return [
            Claimed(pk, fence, priority, preview, is_withheld=withheld is not None)
            for pk, _attempt, priority, preview, withheld in rows
        ]

    def _next(self, limit: int, priorities: Iterable[int]) -> list[Any]:
        """What comes next, held until the transaction ends: rows of CLAIMED."""
        allowed = WorkQueue.objects.predictions()
        due = timezone.now() + CLOCK_SKEW
        for priority in priorities:
            if allowed or self.query.where:
                head = list(self.filter(allowed)._head(limit, priority, due))
            else:
                head = _head_of_all(limit, priority).rows(due, using=self.db)
            if head:
                tried = head[0][1] > 0
                return head[:1] if tried else [row for row in head if row[1] == 0]
        return []

    def _head(self, limit: int, priority: int, due: datetime) -> Any:
        # SQLite has no row locks and needs none: the transaction holds the only write lock.
        rows = self.waiting().filter(priority=priority, queued_at__lte=due)
        rows = rows.order_by("priority", "queued_at", "pk")
        rows = rows.select_for_update(skip_locked=True, of=("self",))
        return rows.values_list(*CLAIMED)[:limit]

    def publish(
        self, fence: uuid.UUID, model: ModelVersion, results: dict[uuid.UUID, Result]
    ) -> int:
        """Write the results of claimed rows; returns how many were still held under `fence`."""
        connection = connections[self.db]
        with transaction.atomic(using=self.db):
            listeners = self._listeners()
            held = self._held(fence, results) if listeners else []
            published = publishing.write(connection, fence, model, dict(sorted(results.items())))
            if held:
                self.model._default_manager.filter(pk__in=held)._tell(listeners)
            self._settle_later(publishing.batches(connection, results))
            apps.get_model("classifier", "ReviewTask").objects.audit(results)
            apps.get_model("classifier", "TrialAnswer").objects.shadow(results, model)
        return published

    def _held(self, fence: uuid.UUID, ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
        """Which of them are still held under `fence`, and stay so until the transaction ends."""
        rows = self.filter(pk__in=list(ids), fence=fence, status=Status.RUNNING)
        return list(rows._locked().values_list("pk", flat=True))

    def give_back(self, fence: uuid.UUID, pk: uuid.UUID, code: str) -> None:
        """Return a claimed row that could not be answered: to the queue, or as failed with `code`
        once its attempts are used up."""
        held = self.filter(pk=pk, fence=fence, status=Status.RUNNING)
        held._retry_or_fail(code, Outcome.FAILED)

    def free_lost(self) -> int:
        """Return the rows of silent workers to the queue, or fail them; returns how many."""
        # Looked for first, by the index of what is claimed: to hold them in their order SQLite
        # would go through the whole table, and nobody else could write meanwhile.
        lost = self.lost()
        ids = list(lost.order_by().values_list("pk", flat=True)[:PAGE])
        if not ids:
            return 0
        return lost.filter(pk__in=ids)._retry_or_fail("ATTEMPTS_EXHAUSTED", Outcome.LOST)

    def _retry_or_fail(self, code: str, outcome: Outcome) -> int:
        with transaction.atomic(using=self.db):
            ids = self._end_attempts(outcome, code if outcome == Outcome.FAILED else "")
            rows = self.model._default_manager.filter(pk__in=ids)
            spent = rows.filter(attempt__gte=settings.MAX_ATTEMPTS)
            failed = spent._move(Status.FAILED, finished_at=Now(), error_code=code, **FREE)
            rows.filter(status=Status.FAILED)._finished()
            later = timedelta(seconds=settings.RETRY_SECONDS if outcome == Outcome.FAILED else 0)
            again = rows.filter(status=Status.RUNNING)
            return failed + again._move(Status.QUEUED, queued_at=timezone.now() + later, **FREE)

    # What people ask for

    def cancel(self) -> int:
        """Stop what is not finished; returns how many rows that was. A worker that holds one may
        go on computing, but cannot publish."""
        with transaction.atomic(using=self.db):
            ids = list(self.unfinished()._locked().values_list("pk", flat=True))
            return sum(rows._cancel() for rows in self._pages(ids))

    def retry(self) -> int:
        """Queue again what failed or was canceled: a new attempt under the same id. A batch that
        was done is not so any more, and is told of once more when it is."""
        rows = self.kept().filter(image__quarantined_at=None)
        # What is asked of the row itself is asked again once whoever held it has let it go.
        again = self.model._default_manager.filter(
            pk__in=rows.values("pk"), status__in=RETRYABLE, image__isnull=False, deleted_at=None
        )
        with transaction.atomic(using=self.db):
            ids = list(again._locked().values_list("pk", flat=True))
            return sum(rows._queue_again() for rows in self._pages(ids))

    def correct(self, model: ModelVersion, result: Result, before: str) -> int:
        """Replace what was answered; `before` is the former label where it was another."""
        told = {"corrected_at": timezone.now(), "corrected_from": before} if before else {}
        return self.filter(status=Status.SUCCEEDED, deleted_at=None).update(
            model=model,
            label=result.label,
            confidence=result.confidence,
            probabilities=result.probabilities,
            margin=result.margin,
            off_topic_score=result.off_topic_score,
            off_topic=result.off_topic,
            **told,
        )

    def erase(self) -> None:
        """Forget the answers; what stays is a tombstone that says when."""
        # By their ids: once changed, they may not be what was asked for any more.
        ids = list(self.order_by().values_list("pk", flat=True))
        # What tells of answers, too, each in the order in which those lock that write it.
        apps.get_model("classifier", "Correction").objects.filter(prediction__in=ids).delete()
        rows = self.model._default_manager.filter(pk__in=ids)
        rows.cancel()
        rows.hide_answers()
        rows.update(
            image=None,
            label="",
            confidence=None,
            probabilities=None,
            margin=None,
            off_topic_score=None,
            off_topic=None,
            corrected_from="",
            metadata=None,
            deleted_at=timezone.now(),
        )
        apps.get_model("classifier", "TrialAnswer").objects.filter(prediction__in=ids).delete()

    def hide_answers(self) -> None:
        """Let no repeated request give out what was answered."""
        IdempotencyKey.objects.filter(resource__in=self.order_by().values("pk")).forget_answers()

    # How each of these is done

    def _locked(self) -> Self:
        """Held until the transaction ends. By their ids, as `publish` goes through them: of two
        that need the same rows one waits for the other, and never both."""
        return self.order_by("pk").select_for_update(of=("self",))

    def _pages(self, ids: list[uuid.UUID]) -> Iterator["PredictionQuerySet"]:
        """The rows of these ids, no more at a time than any SQLite takes in a statement."""
        for first in range(0, len(ids), PAGE):
            yield self.model._default_manager.filter(pk__in=ids[first : first + PAGE])

    def _cancel(self) -> int:
        self._end_attempts(Outcome.CANCELED)
        moved = self._move(Status.CANCELED, finished_at=Now(), **FREE)
        self.filter(status=Status.CANCELED)._finished()
        return moved

    def _queue_again(self) -> int:
        batches = self.filter(batch__isnull=False).values("batch")
        Batch.objects.filter(pk__in=batches, finished_at__isnull=False).update(finished_at=None)
        return self.update(
            status=Status.QUEUED,
            queued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            error_code="",
        )

    def _move(self, to: Status, **fields: Any) -> int:
        return self.movable(to).update(status=to, **fields)

    def movable(self, to: Status) -> Self:
        """Those whose status may become `to`, by TRANSITIONS. Whoever changes one begins here."""
        sources = [status for status, following in TRANSITIONS.items() if to in following]
        return self.filter(status__in=sources)

    def _end_attempts(self, outcome: Outcome, code: str = "") -> list[uuid.UUID]:
        """Record that the attempts now running are over; returns whose they were."""
        running = self.filter(status=Status.RUNNING)._locked()
        rows = list(running.values_list("pk", "attempt", "worker", "started_at"))
        Attempt.objects.bulk_create(
            Attempt(
                prediction_id=pk,
                number=number,
                worker=worker,
                started_at=started_at,
                outcome=outcome,
                error_code=code,
            )
            for pk, number, worker, started_at in rows
        )
        return [pk for pk, *_rest in rows]

    def _finished(self) -> None:
        """What follows when rows become final, in the transaction that makes them so."""
        if listeners := self._listeners():
            self._tell(listeners)
        batches = self.filter(batch__isnull=False).values_list("batch", flat=True).distinct()
        self._settle_later(list(batches.order_by()))

    def _settle_later(self, batches: list[uuid.UUID]) -> None:
        """After the commit: of two workers that publish a batch's last rows at the same moment,
        the later one then sees both. The sweep settles what a crash leaves."""
        if batches:
            transaction.on_commit(lambda: Batch.objects.settle(batches), using=self.db)

    def _listeners(self) -> list[int]:
        """Who has webhooks."""
        return [user for (user,) in LISTENERS.rows(using=self.db)]

    def _tell(self, listeners: list[int]) -> None:
        """Webhooks for what was sent by itself; a batch tells of itself as a whole."""
        rows = self.filter(batch=None, owner__in=listeners)
        told: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for pk, owner, status in rows.order_by().values_list("pk", "owner", "status"):
            data = {"id": str(pk), "status": status, "url": f"/api/v1/predictions/{pk}"}
            told.setdefault(status, []).append((owner, data))
        for status, messages in told.items():
            WebhookDelivery.objects.record(f"prediction.{status}", messages)


CLAIMED = ("pk", "attempt", "priority", "image__preview", "image__quarantined_at")


@cache
def _head_of_all(limit: int, priority: int) -> Prepared:
    objects = apps.get_model("classifier", "Prediction").objects
    return Prepared(lambda due: objects.all()._head(limit, priority, due), EXAMPLE_TIME)
