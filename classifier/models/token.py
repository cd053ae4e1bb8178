"""Bearer tokens for scripts. Only a hash is kept."""

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

PREFIX = "kadr_"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def issue(self, user: User, name: str) -> str:
        """Make a token and return it. It cannot be read again."""
        plain = PREFIX + secrets.token_urlsafe(32)
        self.create(user=user, name=name, digest=digest(plain))
        return plain

    def find(self, plain: str) -> "ApiToken | None":
        return (
            self.filter(digest=digest(plain), user__is_active=True).select_related("user").first()
        )


def digest(plain: str) -> str:
    # The token is 256 random bits, so one plain hash is as good as a slow one.
    return hashlib.sha256(plain.encode()).hexdigest()


class ApiToken(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        constraints = (
            models.UniqueConstraint(fields=("user", "name"), name="token_name_once_a_user"),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.name}"
