"""The network that an engine computes."""

from pathlib import Path

import keras

from ml import folding, off_topic, weights
from ml.manifest import Manifest


def network(folder: Path, described: Manifest) -> keras.Model:
    """Of a folder, folded, with its off-topic score where it has one. Raises ModelError where the
    folder's weights do not fit."""
    folded = folding.fold(weights.network(folder, described))
    return off_topic.with_score(folded, described, folder)
