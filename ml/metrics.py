"""Figures from probabilities (n, classes) and true labels (n,)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ml import runtime

ECE_BINS = 15
FEW = 500  # pictures, below which only a temperature is fitted
SPREAD = 0.25  # of the log of that temperature, as it is expected before any picture is seen
NEVER = 1e6  # above every off-topic score
SMOOTHINGS = [n / 50 for n in range(1, 16)]  # 0.02 to 0.30


def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, square = right / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return middle - half, middle + half


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, object]:
    """The share of right answers with its interval and the number of images."""
    right = int((probabilities.argmax(axis=1) == labels).sum())
    low, high = wilson_interval(right, len(labels))
    return {
        "accuracy": round(right / len(labels), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "n": len(labels),
    }


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[dict[str, float]]:
    """15 equal bins of confidence: how many answers, how sure, how often right; empty ones too."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return [
        {
            "n": int((place == b).sum()),
            "confidence": round(float(confidence[place == b].mean()), 4),
            "accuracy": round(float(right[place == b].mean()), 4),
        }
        if (place == b).any()
        else {"n": 0, "confidence": 0.0, "accuracy": 0.0}
        for b in range(ECE_BINS)
    ]


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The mean gap between confidence and accuracy over 15 equal bins (arXiv:1706.04599)."""
    bins = reliability(probabilities, labels)
    return sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(labels)


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (classes, classes): rows are the true classes, columns the answers."""
    classes = probabilities.shape[1]
    pairs = labels.astype(int) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def fit_calibration(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """What makes of logits (n, classes) the probabilities by which `labels` are likely and
    confidence is near to the share of right answers: the sum of cross-entropy and gap is least. It
    is a temperature and a power, or a temperature and a smoothing (see ml.runtime.answers), which
    fits a network that learned from smoothed labels. Of few pictures it is a temperature alone.
    """
    if len(labels) < FEW:
        return _near_one(logits, labels)
    bent, even = _bent(logits, labels), _evened(logits, labels)
    return min(bent, even, key=lambda fitted: _cost(fitted, logits, labels))


def _near_one(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The likeliest temperature, of which one near to 1 is expected: the fewer the pictures, the
    nearer it stays. By the pictures alone it would be zero where all of them are right."""
    fitted = {"power": 1.0, "temperature": 1.0}

    def cost(log_temperature: float) -> float:
        at = {**fitted, "temperature": math.exp(log_temperature)}
        said = runtime.answers(logits, at).probabilities.astype(float)
        likely = said[np.arange(len(labels)), labels].clip(min=1e-12)
        return (log_temperature / SPREAD) ** 2 / 2 - float(np.log(likely).sum())

    temperature = math.exp(_least(cost, math.log(0.05), math.log(20)))
    return {**fitted, "temperature": round(temperature, 3)}


def _cost(calibration: dict[str, float], logits: np.ndarray, labels: np.ndarray) -> float:
    """Cross-entropy and gap."""
    said = runtime.answers(logits, calibration).probabilities.astype(float)
    likely = said[np.arange(len(labels)), labels].clip(min=1e-12)
    return _gap(said.max(axis=1), said.argmax(axis=1) == labels) - float(np.log(likely).mean())


def _evened(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The best temperature and smoothing."""

    def at(log_temperature: float, smoothing: float) -> dict[str, float]:
        temperature = round(math.exp(log_temperature), 3)
        return {"power": 1.0, "temperature": temperature, "smoothing": round(smoothing, 3)}

    def best(smoothing: float) -> dict[str, float]:
        def cost(log_temperature: float) -> float:
            return _cost(at(log_temperature, smoothing), logits, labels)

        return at(_least(cost, math.log(0.05), math.log(20)), smoothing)

    tried = map(best, SMOOTHINGS)
    return min(tried, key=lambda fitted: _cost(fitted, logits, labels))


def _bent(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The best temperature and power.

    One temperature cannot bend a curve that is too sure in the middle and right at the top, and
    where two numbers cannot either, likelihood alone buys a little of it with much of the gap.
    """
    right, places = logits.argmax(axis=1) == labels, np.arange(len(labels))
    with np.errstate(divide="ignore"):  # the likeliest has no distance, whose log is -inf
        distances = np.log((logits.max(axis=1, keepdims=True) - logits).astype(float))

    def scaled(temperature: float, power: float) -> np.ndarray:
        return -np.exp(power * (distances - math.log(temperature)))

    def cross_entropy(temperature: float, power: float) -> float:
        gaps = scaled(temperature, power)
        return float((np.log(np.exp(gaps).sum(axis=1)) - gaps[places, labels]).mean())

    def both(temperature: float, power: float) -> float:
        confidence = 1 / np.exp(scaled(temperature, power)).sum(axis=1)
        return cross_entropy(temperature, power) + _gap(confidence, right)

    def best_temperature(power: float) -> float:
        by_log = _least(lambda t: cross_entropy(math.exp(t), power), math.log(0.02), math.log(20))
        return math.exp(by_log)

    likeliest = _least(lambda p: cross_entropy(best_temperature(p), p), 0.2, 2.0)
    # The gap has no one valley, so all near the likeliest are tried: a temperature for each power.
    powers = [likeliest * factor for factor in np.arange(0.8, 1.21, 0.04)]
    pairs = [(best_temperature(p) * f, p) for p in powers for f in np.arange(0.92, 1.09, 0.02)]
    temperature, power = min(pairs, key=lambda pair: both(*pair))
    return {"power": round(float(power), 3), "temperature": round(float(temperature), 3)}


def _gap(confidence: np.ndarray, right: np.ndarray) -> float:
    """The mean gap between confidence and share of right answers over bins of as many pictures each
    (arXiv:1904.01685), which moves less than that over equal bins when a few change theirs."""
    # A bin of a few would reward too much confidence.
    count = max(1, min(2 * ECE_BINS, len(confidence) // 100))
    bins = np.array_split(np.argsort(confidence), count)
    gaps = [abs(confidence[each].mean() - right[each].mean()) * len(each) for each in bins]
    return float(sum(gaps) / len(confidence))


def _least(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is least, to a thousandth."""
    while high - low > 1e-3:
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2


def per_class(counts: np.ndarray) -> list[dict[str, float]]:
    """Precision, recall and F1 of each class from its confusion counts; 0 where there is none."""
    right, true, answered = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    return [
        {
            "precision": round(_share(r, a), 4),
            "recall": round(_share(r, t), 4),
            "f1": round(_share(2 * r, a + t), 4),
            "n": int(t),
        }
        for r, t, a in zip(right.tolist(), true.tolist(), answered.tolist(), strict=True)
    ]


def set_threshold(probabilities: np.ndarray, labels: np.ndarray, coverage: float) -> float:
    """The least probability of a label in a prediction set that holds the truth in `coverage` of
    cases (split conformal prediction, arXiv:2107.07511).

    The set holds the likeliest label whatever its probability, so that it is never empty; the
    score of a true label that is the likeliest is therefore 0, of another 1 minus its probability.
    """
    n = len(labels)
    truth = probabilities[np.arange(n), labels]
    scores = np.where(probabilities.argmax(axis=1) == labels, 0.0, 1 - truth)
    rank = math.ceil((n + 1) * coverage)
    return round(float(1 - np.sort(scores)[rank - 1]), 6) if rank <= n else 0.0


def score_threshold(scores: np.ndarray, kept: float) -> float:
    """The score that a fresh picture of the same kind stays at or below in `kept` of cases, by the
    rank that a sample of this size can promise it with; `NEVER` where it can promise none."""
    rank = math.ceil((len(scores) + 1) * kept)
    return round(float(np.sort(scores)[rank - 1]), 4) if rank <= len(scores) else NEVER


def prediction_sets(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Which labels are in each set: (n, classes) bool."""
    likeliest = np.eye(probabilities.shape[1], dtype=bool)[probabilities.argmax(axis=1)]
    return (probabilities >= threshold) | likeliest


def coverage(sets: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """How often the set holds the truth, overall and by class, and how many labels it holds."""
    held = sets[np.arange(len(labels)), labels]
    classes = range(sets.shape[1])
    sizes = sets.sum(axis=1)
    return {
        "coverage": round(float(held.mean()), 4),
        "per_class": [
            round(_share(held[labels == c].sum(), (labels == c).sum()), 4) for c in classes
        ],
        "mean_size": round(float(sizes.mean()), 3),
        "single": round(float((sizes == 1).mean()), 4),
    }


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How likely a score of `outside` is above one of `inside`, ties counting half."""
    both = np.concatenate([inside, outside])
    _values, place, times = np.unique(both, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[place]
    n, m = len(inside), len(outside)
    return float((rank[n:].sum() - m * (m + 1) / 2) / (n * m))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
