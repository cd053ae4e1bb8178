"""Learn from better networks' answers as well as from the labels (arXiv:1503.02531).

A teacher looks at the very picture that the student sees, augmented as it is, so what it says is
true of what is shown (arXiv:2106.05237); only the losses of JPEG may be kept from it (`jpeg_last`
in a recipe's [augment]), so that the student learns to see through them. A run's training accuracy
is then how often the student chooses what its label says first, which is the teacher's word where
that has the larger share.
"""

from pathlib import Path

import keras
import numpy as np

from ml import architectures, manifest, pytorch, runtime, weights


class Teacher:
    """Finished models that say in turns of training pictures what they see in them.

    Cross-entropy is linear in the label, so a student learns the mean of their words, as from an
    ensemble, at the cost of one.
    """

    def __init__(
        self,
        folders: list[Path],
        classes: tuple[dict[str, str], ...],
        share: float,
        temperature: float,
    ) -> None:
        """The models in `folders`, whose word counts for `share` of a picture's label and the
        truth for the rest. Their logits are divided by `temperature`, whatever they are calibrated
        by: above one they say more of the classes that they did not choose. Raises ValueError where
        there is none, their classes are others or a number is out of range, ModelError where there
        is no sound model."""
        if not folders:
            raise ValueError("[distillation]: no teacher is named")
        if not 0 < share <= 1:
            raise ValueError("[distillation]: share is above zero and at most one")
        if temperature <= 0:
            raise ValueError("[distillation]: temperature is above zero")
        self.share, self.softening = share, {"temperature": temperature, "power": 1.0}
        self.networks = [_network(folder, classes) for folder in folders]

    def labels(self, x: np.ndarray, truth: np.ndarray, turn: int = 0) -> np.ndarray:
        """What a student is to say of pictures x (n, size, size, 3) uint8 whose classes are `truth`
        (n, classes), one-hot: (n, classes) float32, each row summing to one. `turn` counts the
        batches, and with them whose word it is."""
        logits = self.networks[turn % len(self.networks)].predict_on_batch(x)
        said = runtime.answers(logits, self.softening).probabilities
        return np.asarray(self.share * said + (1 - self.share) * truth, np.float32)


def _network(folder: Path, classes: tuple[dict[str, str], ...]) -> keras.Model:
    described = manifest.read(folder)
    manifest.verify(folder, described)
    if [c["id"] for c in described.classes] != [c["id"] for c in classes]:
        raise ValueError(f"{folder} knows other classes: it cannot teach these")
    # As it was trained: a network that serves two views is asked for one, at half the cost.
    options = described.recipe.get("options", {})
    network = architectures.build(
        described.architecture, classes=len(classes), size=described.input_size, **options
    )
    weights.load(network, folder)
    pytorch.accelerate(network)
    return network
