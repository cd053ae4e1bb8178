"""What the pages and the API say about a model: from its folder, never typed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.utils.translation import get_language

from classifier import charts, installed_models
from ml import manifest
from ml.manifest import Manifest, ManifestError

WORST = 12  # mistakes that the card shows
OFF_DIAGONAL = 0.25  # share of a row at which a mistake's cell is as dark as it gets


@dataclass(frozen=True)
class ModelCard:
    folder: Path
    manifest: Manifest

    @cached_property
    def measured(self) -> dict[str, Any]:
        """card.json; {} before it was measured, or where it cannot be read."""
        try:
            return manifest.read_card(self.folder)
        except ManifestError:
            return {}

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def classes(self) -> list[str]:
        """The classes' names in the active language."""
        language = (get_language() or "en").split("-")[0]
        return [names.get(language, names["id"]) for names in self.manifest.classes]

    @property
    def test(self) -> dict[str, Any]:
        """The figures of the test set; empty before it was measured."""
        figures: dict[str, Any] = self.measured.get("test", {})
        return figures

    @property
    def per_class(self) -> list[tuple[str, dict[str, float], float]]:
        """Each class with precision, recall and F1, and how often its sets hold the truth."""
        if not self.test:
            return []
        held = self.test["set"]["per_class"]
        return list(zip(self.classes, self.test["per_class"], held, strict=True))

    @property
    def limits(self) -> dict[str, Any]:
        """Where its figures are worst: the class that it finds least often, the share of right
        answers that JPEG costs it, and the kind of other pictures that it notices least. {} where
        it was not measured, and without the last where that was not."""
        if not self.test:
            return {}
        recall = [row["recall"] for row in self.test["per_class"]]
        hardest = recall.index(min(recall))
        saved = self.test["jpeg_75"]["accuracy"]
        found: dict[str, Any] = {
            "hardest_class": self.manifest.classes[hardest]["id"],
            "hardest_recall": recall[hardest],
            "jpeg_loss": round(self.test["accuracy"] - saved, 4),
        }
        kinds = self.test["off_topic"]["kinds"]
        flagged = {kind: row["flagged"] for kind, row in kinds.items() if row}
        if flagged:
            kind = min(flagged, key=lambda name: flagged[name])
            found |= {"least_noticed_kind": kind, "least_noticed": flagged[kind]}
        return found

    @property
    def hardest_class(self) -> str:
        """The name of the class that it finds least often, in the active language."""
        ids = [names["id"] for names in self.manifest.classes]
        return self.classes[ids.index(self.limits["hardest_class"])] if self.limits else ""

    @property
    def confusion(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """A row for each true class, with a cell for each answer: count, and shade from 0 to 4."""
        counts = self.test.get("confusion", [])
        return [
            (name, [self._cell(row, i, j) for j in range(len(row))])
            for i, (name, row) in enumerate(zip(self.classes, counts, strict=False))
        ]

    def _cell(self, row: list[int], i: int, j: int) -> dict[str, Any]:
        ids = [names["id"] for names in self.manifest.classes]
        shown = any(tile["true"] == i and tile["answer"] == j for tile in self._tiles)
        dark = 0 if i == j else shade(row[j], sum(row))
        cell = {"n": row[j], "shade": dark, "right": i == j, "true": ids[i], "answer": ids[j]}
        return {**cell, "shown": shown, "names": (self.classes[i], self.classes[j])}

    @property
    def reliability(self) -> charts.Line | None:
        bins = [b for b in self.test.get("reliability", []) if b["n"]]
        return charts.line([(b["confidence"], b["accuracy"]) for b in bins], (0, 1), (0, 1))

    @property
    def curves(self) -> list[dict[str, Any]]:
        """Accuracy and loss by epoch, on the training and the validation pictures."""
        rows = self.measured.get("history", [])
        return [charts.pair(name, rows, name, f"val_{name}") for name in CURVES] if rows else []

    @property
    def began_with(self) -> str:
        """The name of the model whose weights its training began with; "" where it had none, or a
        file of weights that are no model."""
        start = Path(self.manifest.recipe.get("from", ""))
        return "" if start.suffix == ".npz" else start.name

    @property
    def worst(self) -> list[dict[str, Any]]:
        """The mistakes that it was surest of, as tiles of the sheet."""
        wrong = [tile for tile in self._tiles if tile["true"] != tile["answer"]]
        return sorted(wrong, key=lambda tile: -tile["confidence"])[:WORST]

    def pictures(self, true: str, answer: str) -> tuple[list[dict[str, Any]], int]:
        """The tiles of one cell of the confusion matrix, by the ids of its classes, and how many
        test pictures the cell counts."""
        ids = [names["id"] for names in self.manifest.classes]
        found = [t for t in self._tiles if (ids[t["true"]], ids[t["answer"]]) == (true, answer)]
        count = self.test["confusion"][ids.index(true)][ids.index(answer)] if found else 0
        return found, count

    @cached_property
    def _tiles(self) -> list[dict[str, Any]]:
        about = self.measured.get("pictures", {})
        side, columns = about.get("side", 1), about.get("columns", 1)
        return [
            {
                **tile,
                "x": side * (place % columns),
                "y": side * (place // columns),
                "true_name": self.classes[tile["true"]],
                "answer_name": self.classes[tile["answer"]],
            }
            for place, tile in enumerate(about.get("tiles", []))
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for programs."""
        described = self.manifest
        about = {
            name: getattr(described, name)
            for name in (
                *("id", "architecture", "classes", "input_size", "preprocessing", "calibration"),
                *("thresholds", "off_topic_score", "weights_sha256", "data_sha256"),
                *("recipe", "libraries", "created"),
            )
        }
        about |= {"digest": described.digest, "name": self.name, "metrics": described.metrics}
        return {**about, "limits": self.limits, "card": self.measured}


CURVES = ("accuracy", "loss")


def shade(n: int, whole: int) -> int:
    """How dark the cell of a mistake is, from 0 to 4, by its part of the row."""
    share = n / max(whole, 1)
    return min(4, round(4 * share / OFF_DIAGONAL + 0.4 * (share > 0)))


def read(folder: Path) -> ModelCard | None:
    """The card of a folder; None where no model can be read there."""
    try:
        return ModelCard(folder, manifest.read(folder))
    except ManifestError:
        return None


def model_card() -> ModelCard | None:
    """The card of the model that serves; None where there is none, and the pages say so."""
    return read(installed_models.active())


def of(digest: str) -> ModelCard | None:
    """The card of the installed model with this digest; None where it is no longer there."""
    found = installed_models.with_digest(digest)
    return read(found.folder) if found else None
