"""Bearer tokens for scripts. Only a hash is kept."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from classifier.models.prepared import PreparedRow

PREFIX = "kadr_"
USE_NOTED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    READ = "read", _("read")
    WRITE = "write", _("write")
    REVIEW = "review", _("review")


DEFAULT_SCOPES = (Scope.READ, Scope.WRITE)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def issue(
        self,
        user: User,
        name: str,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token and return it. It cannot be read again."""
        plain = PREFIX + secrets.token_urlsafe(32)
        self.create(
            user=user,
            name=name,
            digest=digest(plain),
            scopes=[str(scope) for scope in scopes],
            expires_at=expires_at,
        )
        return plain

    def find(self, plain: str) -> "ApiToken | None":
        """The token, if it may be used."""
        found: ApiToken | None = VALID.first(digest(plain), timezone.now())
        return found

    def revoke(self) -> int:
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


def _valid(digest: str, now: datetime) -> ApiTokenQuerySet:
    rows = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)
    return rows.filter(digest=digest, user__is_active=True)


VALID = PreparedRow(_valid, "digest", datetime(2000, 1, 1, tzinfo=UTC), related=("user",))


def digest(plain: str) -> str:
    # The token is 256 random bits, so one plain hash is as good as a slow one.
    return hashlib.sha256(plain.encode()).hexdigest()


def default_scopes() -> list[str]:
    return [str(scope) for scope in DEFAULT_SCOPES]


class ApiToken(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=default_scopes)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = (
            models.UniqueConstraint(fields=("user", "name"), name="token_name_once_a_user"),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.name}"

    def note_use(self) -> None:
        """Remember when it was last used, to the minute: a write a request would be dear."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > USE_NOTED_EVERY:
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)
