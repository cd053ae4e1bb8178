"""The models that have answered, so that every result can say which one made it."""

from functools import cached_property
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class ModelVersionQuerySet(models.QuerySet["ModelVersion"]):
    def register(self, digest: str, **fields: Any) -> "ModelVersion":
        """The row of the model with this digest, made if it is new; what was measured since is
        taken over."""
        return self.update_or_create(digest=digest, defaults=fields)[0]

    def withdrawn(self) -> "ModelVersionQuerySet":
        """Those whose answers are no longer trusted."""
        return self.filter(recalled_at__isnull=False)


class ModelVersion(models.Model):
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=100)
    preprocessing = models.CharField(_("preprocessing"), max_length=100)
    classes = models.JSONField(_("classes"))  # [{"id", "uk", "en"}], in the network's order
    metrics = models.JSONField(_("metrics"), default=dict)
    # {"set", "off_topic"}, as its manifest has them; None where it was registered before there were
    thresholds = models.JSONField(_("thresholds"), null=True, blank=True)
    registered_at = models.DateTimeField(_("registered"), db_default=Now())
    # Since when what it answered is no longer trusted: that marks every answer of it at once.
    recalled_at = models.DateTimeField(_("recalled"), null=True, blank=True)

    objects = ModelVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ("-registered_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.digest[:8]})"

    def knows(self, label: str) -> bool:
        return any(names["id"] == label for names in self.classes)

    def label_name(self, label: str) -> str:
        """A label's name in the active language; the label itself where there is none."""
        return self._names().get(label, label)

    def _names(self) -> dict[str, str]:
        """The labels' names in the active language, kept: a batch asks for thousands."""
        language = (get_language() or "en").split("-")[0]
        if language not in self._names_by_language:
            names = {c["id"]: c[language] for c in self.classes if language in c}
            self._names_by_language[language] = names
        return self._names_by_language[language]

    @cached_property
    def _names_by_language(self) -> dict[str, dict[str, str]]:
        return {}

    def conformal_set(self, probabilities: list[float]) -> list[dict[str, Any]] | None:
        """The labels among which the truth is in 95 of 100 cases, likeliest first; the likeliest
        is always there. None where the model has no threshold for it."""
        if not self.thresholds:
            return None
        least = self.thresholds["set"]
        return self.top(probabilities, max(1, sum(p >= least for p in probabilities)))

    def top(self, probabilities: list[float], k: int) -> list[dict[str, Any]]:
        """The k likeliest labels, likeliest first."""
        names = self._names()
        ranked = sorted(zip(probabilities, self.classes, strict=True), key=lambda pair: -pair[0])
        return [
            {
                "label": (label := described["id"]),
                "label_localized": names.get(label, label),
                "confidence": probability,
            }
            for probability, described in ranked[:k]
        ]
