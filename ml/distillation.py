"""Learn from a better network's answers as well as from the labels (arXiv:1503.02531).

The teacher looks at the very picture that the student sees, augmented as it is, so what it says is
true of what is shown (arXiv:2106.05237). A run's training accuracy is then how often the student
chooses what its label says first, which is the teacher's word where that has the larger share.
"""

from pathlib import Path

import numpy as np

from ml import architectures, manifest, pytorch, runtime, weights


class Teacher:
    """A finished model that says of training pictures what it sees in them."""

    def __init__(
        self,
        folder: Path,
        classes: tuple[dict[str, str], ...],
        share: float,
        temperature: float,
    ) -> None:
        """The model in `folder`, whose word counts for `share` of a picture's label and the truth
        for the rest. Its logits are divided by `temperature`, whatever it is calibrated by: above
        one it says more of the classes that it did not choose. Raises ValueError where its classes
        are others or a number is out of range, ModelError where there is no sound
        model."""
        described = manifest.read(folder)
        manifest.verify(folder, described)
        if [c["id"] for c in described.classes] != [c["id"] for c in classes]:
            raise ValueError(f"{folder} knows other classes: it cannot teach these")
        if not 0 < share <= 1:
            raise ValueError("[distillation]: share is above zero and at most one")
        if temperature <= 0:
            raise ValueError("[distillation]: temperature is above zero")
        self.share, self.softening = share, {"temperature": temperature, "power": 1.0}
        # As it was trained: a network that serves two views is asked for one, at half the cost.
        options = described.recipe.get("options", {})
        self.network = architectures.build(
            described.architecture, classes=len(classes), size=described.input_size, **options
        )
        weights.load(self.network, folder)
        pytorch.accelerate(self.network)

    def labels(self, x: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """What a student is to say of pictures x (n, size, size, 3) uint8 whose classes are `truth`
        (n, classes), one-hot: (n, classes) float32, each row summing to one."""
        logits = self.network.predict_on_batch(x)
        said = runtime.answers(logits, self.softening).probabilities
        return np.asarray(self.share * said + (1 - self.share) * truth, np.float32)
