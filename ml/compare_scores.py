"""Which score tells other pictures best from a model's own: python -m ml.compare_scores MODEL

Measured on pictures made for this choice (ml.other_pictures.CHOOSE_ON, mosaics and blends of the
validation split), never on those that the card reports. Prints the AUROC of each score by kind.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ml import cli, data, manifest, metrics, off_topic, other_pictures, runtime, weights

PICTURES = 500  # of each kind
BANK = 5000  # training pictures whose features are remembered
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of features (n, d) and logits (n, classes)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ml.compare_scores", description=__doc__.split(":")[0]
    )
    parser.add_argument("model", type=Path, help="a model folder, such as ml/models/NAME")
    parser.add_argument("--data", type=Path, help=cli.DATA_HELP)
    args = parser.parse_args()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        print(table(compare(args.model, data.load(args.data))))


def compare(folder: Path, dataset: data.Dataset) -> dict[str, dict[str, float]]:
    """The AUROC of each score on each kind. Raises ValueError where the model's classes are others,
    ModelError."""
    look = _looking(folder, dataset)
    bank = dataset.train.x[:BANK]
    scores = known_scores(look(bank)[0], dataset.train.y[:BANK])
    inside = look(dataset.validation.x)
    outside = {name: look(x) for name, x in _kinds(dataset.validation).items()}
    return {
        name: {kind: metrics.auroc(score(*inside), score(*x)) for kind, x in outside.items()}
        for name, score in scores.items()
    }


def known_scores(bank: np.ndarray, labels: np.ndarray) -> dict[str, Score]:
    """The scores of the literature that need one network; the higher, the less on topic."""
    return {
        "energy": lambda _f, z: -np.logaddexp.reduce(z, axis=1),  # arXiv:2010.03759
        "greatest logit": lambda _f, z: -z.max(axis=1),  # arXiv:1911.11132
        "greatest probability": lambda _f, z: -_softmax(z).max(axis=1),  # arXiv:1610.02136
        "GEN": lambda _f, z: _generalized_entropy(_softmax(z)),  # CVPR 2023, Liu et al.
        "20th neighbour": _neighbour(bank, 20),  # arXiv:2204.06507
        "residual": _residual(bank),  # arXiv:2203.10807
        "Mahalanobis": _mahalanobis(bank, labels),  # arXiv:1807.03888
    }


def table(found: dict[str, dict[str, float]]) -> str:
    """The scores, best first, with the mean over the kinds."""
    means = {name: float(np.mean(list(by_kind.values()))) for name, by_kind in found.items()}
    kinds = list(next(iter(found.values())))
    lines = [f"{'':<22}" + "".join(f"{kind:>10}" for kind in [*kinds, "mean"])]
    for name in sorted(means, key=lambda name: -means[name]):
        values = [*found[name].values(), means[name]]
        lines.append(f"{name:<22}" + "".join(f"{value:>10.3f}" for value in values))
    return "\n".join(lines)


def _looking(
    folder: Path, dataset: data.Dataset
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A function from images to what goes into the last layer with weights, and to logits."""
    described = manifest.read(folder)
    dataset.check_classes(described.classes, folder)
    manifest.verify(folder, described)
    network = weights.network(folder, described)
    both = keras.Model(network.input, [off_topic.features(network), network.output])

    def look(x: np.ndarray, batch: int = 100) -> tuple[np.ndarray, np.ndarray]:
        starts = range(0, len(x), batch)
        parts = [both.predict_on_batch(x[start : start + batch]) for start in starts]
        features = [_one_a_picture(seen, len(said)) for seen, said in parts]
        return np.concatenate(features), np.concatenate([said for _seen, said in parts])

    return look


def _one_a_picture(features: np.ndarray, n: int) -> np.ndarray:
    """The mean of its views, where a network looks at a picture and at its mirror image."""
    mean: np.ndarray = features.reshape(-1, n, features.shape[-1]).mean(axis=0)
    return mean


def _kinds(split: data.Labelled) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    x, y = split.x[:PICTURES], split.y[:PICTURES]
    return {
        **other_pictures.make(other_pictures.CHOOSE_ON, PICTURES, split.x.shape[1]),
        "mosaics": other_pictures.mosaics(x, rng),
        "blends": other_pictures.blends(x, y, rng),
    }


def _softmax(logits: np.ndarray) -> np.ndarray:
    return runtime.answers(logits, {"temperature": 1.0, "power": 1.0}).probabilities


def _generalized_entropy(p: np.ndarray, gamma: float = 0.1) -> np.ndarray:
    return (p**gamma * (1 - p) ** gamma).sum(axis=1)


def _neighbour(bank: np.ndarray, k: int) -> Score:
    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    known = unit(bank)
    return lambda features, _z: -np.sort(unit(features) @ known.T, axis=1)[:, -k]


def _residual(bank: np.ndarray) -> Score:
    """As ml.off_topic has it."""
    mean, directions = off_topic.Familiar.of(bank)

    def score(features: np.ndarray, _z: np.ndarray) -> np.ndarray:
        apart = features - mean
        return np.linalg.norm(apart - apart @ directions @ directions.T, axis=1)

    return score


def _mahalanobis(bank: np.ndarray, labels: np.ndarray) -> Score:
    classes, place = np.unique(labels, return_inverse=True)
    means = np.stack([bank[labels == c].mean(axis=0) for c in classes])
    spread = np.cov((bank - means[place]).T)
    spread += 1e-3 * np.trace(spread) / len(spread) * np.eye(len(spread))
    inverse = np.linalg.inv(spread)

    def score(features: np.ndarray, _z: np.ndarray) -> np.ndarray:
        apart = [features - mean for mean in means]
        return np.min([(away @ inverse * away).sum(axis=1) for away in apart], axis=0)

    return score


if __name__ == "__main__":
    main()
