"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): the same request, sent again
because its answer was lost, does nothing twice.

A key belongs to its sender and route. What the request made is noted in the transaction that makes
it, so a crash before the answer was kept does not make it again.
"""

import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.problems import Problem

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(seconds=60)  # a request that is silent for so long has died
LONGEST_WAIT = timedelta(seconds=30)  # that is asked of who repeats one


class IdempotencyKeyQuerySet(models.QuerySet["IdempotencyKey"]):
    def begin(self, scope: str, route: str, key: str, fingerprint: str) -> "IdempotencyKey":
        """The key's row, held by this request; or that of an earlier request, to be replayed.

        Raises Problem IDEMPOTENCY_KEY_REUSED for another body, IDEMPOTENCY_IN_FLIGHT while the
        first request runs.
        """
        place = {"scope": scope, "route": route, "key": key}
        self.filter(**place, created_at__lt=timezone.now() - KEPT).delete()
        try:
            with transaction.atomic():
                return self.create(**place, fingerprint=fingerprint)
        except IntegrityError:
            found = self.filter(**place).first()
        if found is None:  # the other request was refused just now, and has let go of it
            return self.begin(scope, route, key, fingerprint)
        return self._earlier(found, fingerprint)

    def _earlier(self, found: "IdempotencyKey", fingerprint: str) -> "IdempotencyKey":
        if found.fingerprint != fingerprint:
            raise Problem("IDEMPOTENCY_KEY_REUSED")
        if found.status_code is None and not self._take_over(found):
            # If it has died, that is known by then; if not, a body is not sent in vain too often.
            left = min(found.held_until - timezone.now(), LONGEST_WAIT)
            raise Problem("IDEMPOTENCY_IN_FLIGHT").after(left)
        return found

    def _take_over(self, found: "IdempotencyKey") -> bool:
        dead = self.filter(pk=found.pk, status_code=None, held_until__lt=timezone.now())
        holder = uuid.uuid4()
        if not dead.update(held_until=timezone.now() + IN_FLIGHT, holder=holder):
            return False
        found.holder = holder
        # It may have made something since it was read, as the last thing before it fell silent.
        found.refresh_from_db(fields=["resource"])
        return True

    def forget_answers(self) -> int:
        """What was made was deleted: who repeats the request is told of that as it is then."""
        return self.update(status_code=None, headers={}, body="", held_until=timezone.now())

    def expired(self) -> "IdempotencyKeyQuerySet":
        return self.filter(created_at__lt=timezone.now() - KEPT)


def _soon() -> Any:
    return timezone.now() + IN_FLIGHT


class IdempotencyKey(models.Model):
    scope = models.CharField(max_length=50)  # user:7, or visitor:UUID
    route = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    holder = models.UUIDField(default=uuid.uuid4)
    held_until = models.DateTimeField(default=_soon)
    resource = models.UUIDField(null=True)  # what the request has made
    status_code = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = (
            models.UniqueConstraint(fields=("scope", "route", "key"), name="idempotency_key_once"),
        )
        indexes = (
            models.Index(
                fields=("resource",),
                name="idempotency_key_made",
                condition=Q(resource__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.scope} {self.route} {self.key}"

    @property
    def is_done(self) -> bool:
        return self.status_code is not None

    def made(self, resource: uuid.UUID) -> None:
        """Note what was made. For the transaction that makes it. Raises Problem where the request
        was silent for so long that another has taken its place."""
        self.resource = resource
        if not self._mine().update(resource=resource):
            raise Problem("IDEMPOTENCY_IN_FLIGHT")

    def unmade(self) -> None:
        """What was made is gone again."""
        self._mine().update(resource=None)

    def hold_on(self) -> None:
        """Say that the request is alive. A long one calls this as it goes."""
        self._mine().update(held_until=_soon())

    def let_go(self) -> None:
        """Let the next request take it over at once."""
        self._mine().update(held_until=timezone.now())

    def finish(self, status_code: int, headers: dict[str, str], body: str) -> None:
        self._mine().update(status_code=status_code, headers=headers, body=body)

    def release(self) -> None:
        """Forget it: nothing was made, so the key may be used for a corrected request."""
        self._mine().filter(resource=None).delete()

    def _mine(self) -> IdempotencyKeyQuerySet:
        return IdempotencyKey.objects.filter(pk=self.pk, holder=self.holder)
