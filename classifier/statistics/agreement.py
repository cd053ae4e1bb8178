"""How far two people who looked at the same pictures agree: Cohen's kappa (Cohen 1960)."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from classifier.statistics.intervals import wilson


@dataclass(frozen=True)
class Agreement:
    n: int  # pictures that both looked at
    observed: float  # share of them on which both said the same
    kappa: float | None  # None where chance alone would have them agree on everything
    low: float | None  # of the 95 % interval
    high: float | None


def agreement(pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement | None:
    """Of pairs of labels, one of each of two people; None without any.

    The interval is Wilson's of the observed agreement, with chance taken as known: unlike Cohen's
    standard error it says something where the two never disagreed.
    """
    n = len(pairs)
    if not n:
        return None
    observed = sum(first == second for first, second in pairs) / n
    chance = _by_chance(pairs)
    if chance > 1 - 1e-12:
        return Agreement(n, observed, None, None, None)
    shares = (observed, *wilson(observed, n))
    kappa, low, high = ((share - chance) / (1 - chance) for share in shares)
    return Agreement(n, observed, kappa, max(-1.0, low), high)


def _by_chance(pairs: Sequence[tuple[Hashable, Hashable]]) -> float:
    """How often they would say the same if each only kept to the shares of their own labels."""
    first, second = (Counter(labels) for labels in zip(*pairs, strict=True))
    return sum(first[label] * second[label] for label in first) / len(pairs) ** 2
