"""Made-up traffic with what a model was measured to get right, wrong, and how sure it was.

The labels and the confidences are those of the first `cifar10_improved` that shipped (88.14 %
right) on CIFAR-10's test set, whose card counted them by class and by bin; which of the right (or
wrong) answers had which confidence is drawn.
"""

import json
import math
import random
from dataclasses import replace
from pathlib import Path

from classifier.statistics.estimate import Drawn
from ml import manifest

MEASURED = json.loads(Path(__file__).with_name("measured_answers.json").read_text())
ACCURACY = 0.8814


def as_measured(seed: int = 1) -> list[Drawn]:
    """Every answer of the card's test, with its truth, drawn with certainty."""
    card, dice = MEASURED, random.Random(seed)
    ids = [c["id"] for c in manifest.read(manifest.DEFAULT).classes]
    sure = {True: [], False: []}
    for right, bin_ in ((r, b) for b in card["reliability"] for r in _rights(b)):
        sure[right].append(min(1.0, max(0.05, bin_["confidence"] + dice.uniform(-0.033, 0.033))))
    for values in sure.values():
        dice.shuffle(values)
    return [
        Drawn(1.0, sure[true == answer].pop(), ids[answer], ids[true])
        for true, row in enumerate(card["confusion"])
        for answer, n in enumerate(row)
        for _ in range(n)
    ]


def _rights(bin_: dict[str, float]) -> list[bool]:
    right = round(bin_["n"] * bin_["accuracy"])
    return [True] * right + [False] * (int(bin_["n"]) - right)


def unseen(row: Drawn) -> Drawn:
    """The same before anybody has looked at it."""
    return replace(row, truth=None)


def draw(rows: list[Drawn], share: float, dice: random.Random) -> list[Drawn]:
    """Each with the probability `share` below 1, as the audit does; by the gaps between those that
    are drawn, which is quicker than a throw for each."""
    drawn, place = [], -1
    while True:
        place += 1 + int(math.log(1 - dice.random()) / math.log(1 - share))
        if place >= len(rows):
            return drawn
        drawn.append(replace(rows[place], probability=share))
