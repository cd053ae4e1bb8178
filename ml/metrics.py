"""Figures from probabilities (n, classes) and true labels (n,)."""

import math

import numpy as np

ECE_BINS = 15


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


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The mean gap between confidence and accuracy over 15 equal bins (arXiv:1706.04599)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [
        (bins == b).mean() * abs(confidence[bins == b].mean() - right[bins == b].mean())
        for b in np.unique(bins)
    ]
    return float(sum(gaps))


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts (classes, classes): rows are the true classes, columns the answers."""
    classes = probabilities.shape[1]
    pairs = labels.astype(int) * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes `labels` likeliest, to three decimals (arXiv:1706.04599).

    The likelihood has one maximum over the temperature, so thirds of the interval are discarded.
    """
    low, high = 0.2, 5.0
    while high - low > 1e-4:
        third = (high - low) / 3
        if _loss(logits, labels, low + third) < _loss(logits, labels, high - third):
            high -= third
        else:
            low += third
    return round((low + high) / 2, 3)


def _loss(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(scaled).sum(axis=1))
    return float((log_sum - scaled[np.arange(len(labels)), labels]).mean())
