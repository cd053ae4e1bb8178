"""Two models on the same pictures: on the test set, and on reviewed ones that were kept aside."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml import metrics, reviewed
from ml.data import Dataset, Labelled
from ml.runtime import Runtime


@dataclass(frozen=True)
class Comparison:
    """Of a first model with a second one, on some pictures."""

    first: dict[str, Any]  # accuracy, interval_95, n
    second: dict[str, Any]
    first_only: int  # pictures that it alone names right
    second_only: int

    @property
    def p(self) -> float:
        """McNemar's exact test: how likely the two are as far apart as this by chance alone."""
        return mcnemar(self.first_only, self.second_only)


def mcnemar(first_only: int, second_only: int) -> float:
    """The two-sided binomial test of the pictures that one of two models alone names right."""
    n = first_only + second_only
    tail = sum(math.comb(n, k) for k in range(min(first_only, second_only) + 1))
    return min(1.0, 2 * tail / 2**n)


def compare(
    first: Runtime, second: Runtime, dataset: Dataset, split: str = "test"
) -> dict[str, Comparison]:
    """By the name of the pictures: a split of the original set, and the reviewed ones that were
    kept aside. Raises ValueError where the models' classes are others."""
    for runtime in (first, second):
        dataset.check_classes(runtime.classes, runtime.folder)
    parts = {
        split: reviewed.original(dataset, split),
        "reviewed, kept aside": reviewed.kept_aside(dataset),
    }
    return {name: _on(first, second, part) for name, part in parts.items() if len(part)}


def _on(first: Runtime, second: Runtime, part: Labelled) -> Comparison:
    answers = [runtime.predict(part.x).probabilities for runtime in (first, second)]
    a, b = (p.argmax(axis=1) == part.y for p in answers)
    figures = [metrics.accuracy(p, part.y) for p in answers]
    return Comparison(*figures, int(np.sum(a & ~b)), int(np.sum(b & ~a)))


def table(first: Runtime, second: Runtime, found: dict[str, Comparison]) -> str:
    """For people."""
    out = io.StringIO()
    print(f"{first.id} ({first.digest[:12]}) against {second.id} ({second.digest[:12]})", file=out)
    for name, told in found.items():
        print(f"{name}, {told.first['n']:,} pictures", file=out)
        for runtime, figures in ((first, told.first), (second, told.second)):
            low, high = figures["interval_95"]
            print(
                f"  {runtime.id:<40}{figures['accuracy']:.2%}  ({low:.2%} to {high:.2%})", file=out
            )
        print(
            f"  right alone: {told.first_only:,} against {told.second_only:,}; "
            f"McNemar's p = {told.p:.2g}",
            file=out,
        )
    return out.getvalue().rstrip()
