"""What the pages say about the model that serves, from its manifest."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import get_language

from ml import manifest
from ml.manifest import Manifest, ManifestError


@dataclass(frozen=True)
class ModelCard:
    manifest: Manifest

    @property
    def classes(self) -> list[str]:
        """The classes' names in the active language."""
        language = (get_language() or "en").split("-")[0]
        return [names.get(language, names["id"]) for names in self.manifest.classes]

    @property
    def test(self) -> dict[str, Any]:
        """The figures of the test set; empty before it was measured."""
        figures: dict[str, Any] = self.manifest.metrics.get("test", {})
        return figures

    @property
    def per_class(self) -> list[tuple[str, float]]:
        shares = self.test.get("per_class", {})
        ids = [names["id"] for names in self.manifest.classes]
        return [
            (name, shares[id_])
            for name, id_ in zip(self.classes, ids, strict=True)
            if id_ in shares
        ]


def model_card() -> ModelCard | None:
    """None where no model can be read; the pages say so."""
    try:
        return ModelCard(manifest.read(settings.MODEL_FOLDER))
    except ManifestError:
        return None
