"""The pictures in a model folder. The only module that needs matplotlib."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

BLUE, ORANGE = "#0072b2", "#d55e00"  # told apart by colour-blind readers (Okabe and Ito)
DPI = 120


def curves(history: list[dict[str, float]], path: Path) -> None:
    """Accuracy and loss by epoch, on the training and the validation split."""
    epochs = range(1, len(history) + 1)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name, title in zip(axes, ("accuracy", "loss"), ("Accuracy", "Loss"), strict=True):
        axis.plot(epochs, [row[name] for row in history], BLUE, label="training (augmented)")
        validation = [row[f"val_{name}"] for row in history]
        axis.plot(epochs, validation, ORANGE, linestyle="--", label="validation")
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
        axis.legend()
    _save(figure, path)


def confusion(counts: np.ndarray, names: list[str], path: Path) -> None:
    """How often each true class (row) got which answer (column), in percent of the row."""
    percent = 100 * counts / counts.sum(axis=1, keepdims=True)
    figure, axis = plt.subplots(figsize=(7.5, 6.5), layout="constrained")
    # The diagonal would drown the mistakes, which are what the picture is for.
    axis.imshow(percent, cmap="Blues", vmin=0, vmax=25)
    for row, column in np.ndindex(*percent.shape):
        value = percent[row, column]
        text = f"{value:.1f}" if value >= 0.05 else "·"
        color = "white" if value > 15 else "black"
        axis.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set(title="Answers by true class, %", xlabel="answer", ylabel="true class")
    _save(figure, path)


def reliability(probabilities: np.ndarray, labels: np.ndarray, path: Path, bins: int = 15) -> None:
    """Accuracy against confidence; on the dashed line a confidence means what it says."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    filled = [b for b in range(bins) if (index == b).any()]
    figure, axis = plt.subplots(figsize=(5, 4.5), layout="constrained")
    axis.plot([0, 1], [0, 1], color="grey", linestyle="--", label="as it says")
    axis.plot(
        [confidence[index == b].mean() for b in filled],
        [right[index == b].mean() for b in filled],
        color=BLUE,
        marker="o",
        label="measured",
    )
    axis.set(title="Is the confidence honest?", xlabel="confidence", ylabel="share that is right")
    axis.grid(alpha=0.3)
    axis.legend()
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
