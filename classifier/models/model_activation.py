"""Which installed model serves, since when, and who chose it. The newest row decides."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from classifier.models.model_version import ModelVersion

REASON = 500  # characters that are kept of one


class ModelActivationQuerySet(models.QuerySet["ModelActivation"]):
    def newest_first(self) -> "ModelActivationQuerySet":
        return self.order_by("-pk")

    def current_id(self) -> int | None:
        """The id of the activation in force; None before there was one."""
        return self.newest_first().values_list("pk", flat=True).first()

    def trusted(self) -> "ModelActivationQuerySet":
        """Without those of versions that were withdrawn: they serve again only once somebody
        activates them anew, which trusts them again."""
        return self.exclude(digest__in=ModelVersion.objects.withdrawn().values("digest"))

    def before_current(self) -> "ModelActivation | None":
        """The newest one of another version than the one that serves, and that was not withdrawn:
        where going back leads."""
        current = self.newest_first().first()
        if current is None:
            return None
        return self.newest_first().trusted().exclude(digest=current.digest).first()


class ModelActivation(models.Model):
    folder = models.CharField(_("folder"), max_length=255)  # its name among the installed models
    digest = models.CharField(_("digest"), max_length=64)
    name = models.CharField(_("name"), max_length=100)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("user")
    )
    reason = models.CharField(_("reason"), max_length=REASON, blank=True)
    # The trial that it was promoted by, and whether against what that found.
    trial = models.ForeignKey(
        "classifier.Trial", models.SET_NULL, null=True, blank=True, verbose_name=_("trial")
    )
    forced = models.BooleanField(_("forced"), default=False, db_default=False)
    created_at = models.DateTimeField(_("activated"), db_default=Now())

    objects = ModelActivationQuerySet.as_manager()

    class Meta:
        verbose_name = _("model activation")
        verbose_name_plural = _("model activations")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:8]})"
