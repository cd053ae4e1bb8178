"""The models that have answered, so that every result can say which one made it."""

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
        language = (get_language() or "en").split("-")[0]
        names: dict[str, str] = next((c for c in self.classes if c["id"] == label), {})
        return names.get(language, label)

    def conformal_set(self, probabilities: list[float]) -> list[dict[str, Any]] | None:
        """The labels among which the truth is in 95 of 100 cases, likeliest first; the likeliest
        is always there. None where the model has no threshold for it."""
        if not self.thresholds:
            return None
        ranked = self.top(probabilities, len(probabilities))
        least = self.thresholds["set"]
        return [ranked[0], *(entry for entry in ranked[1:] if entry["confidence"] >= least)]

    def top(self, probabilities: list[float], k: int) -> list[dict[str, Any]]:
        """The k likeliest labels, likeliest first."""
        ranked = sorted(zip(probabilities, self.classes, strict=True), key=lambda pair: -pair[0])
        return [
            {
                "label": names["id"],
                "label_localized": self.label_name(names["id"]),
                "confidence": probability,
            }
            for probability, names in ranked[:k]
        ]
