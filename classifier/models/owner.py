"""Whose a row is: a user's, or that of a browser session without an account."""

import uuid
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

SESSION_KEY, RENEWED = "visitor", "renewed"
T = TypeVar("T", bound=models.Model)


@dataclass(frozen=True)
class Owner:
    """A user or a visitor; neither for a visitor who has not sent anything yet."""

    user: User | None = None
    visitor: uuid.UUID | None = None

    @classmethod
    def of(cls, request: HttpRequest, create: bool = False) -> Self:
        """Who makes the request. `create` starts a session for a visitor who has none."""
        if request.user.is_authenticated:
            return cls(user=request.user)
        known = request.session.get(SESSION_KEY)
        _renew(request, known)
        if known is None and create:
            known = request.session[SESSION_KEY] = str(uuid.uuid4())
        return cls(visitor=uuid.UUID(known) if known else None)

    def fields(self) -> dict[str, Any]:
        return {"owner": self.user, "visitor": self.visitor}


def hold(user: User) -> None:
    """Lock the user's row until the transaction ends, so that of two requests at once not both are
    the last one that a limit allows."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _renew(request: HttpRequest, known: str | None) -> None:
    """Once a month, so that the session of who keeps coming never ends."""
    month = timezone.now().strftime("%Y-%m")
    if known and request.session.get(RENEWED) != month:
        request.session[RENEWED] = month


class OwnedQuerySet(models.QuerySet[T]):
    def owned_by(self, owner: Owner) -> Self:
        if owner.user:
            return self.filter(owner=owner.user)
        if owner.visitor:
            return self.filter(visitor=owner.visitor)
        return self.none()

    def visible_to(self, owner: Owner) -> Self:
        """What `owner` may open: their own; for staff, everybody's."""
        return self if owner.user and owner.user.is_staff else self.owned_by(owner)


class Owned(models.Model):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, db_index=False
    )
    visitor = models.UUIDField(null=True, blank=True)

    class Meta:
        abstract = True
