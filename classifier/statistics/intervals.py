"""The interval of a share."""

import math
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share seen among n (Wilson 1927); n may be an effective number."""
    square = Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - half), min(1.0, middle + half)
