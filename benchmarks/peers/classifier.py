"""What each peer serves: Kadr's network by Kadr's own code, from pictures to answers. Imported in
the peers' environment, which has neither Django nor Celery."""

from typing import Any

from ml import manifest, preprocess
from ml.runtime import Runtime, answers

FOLDER = manifest.DEFAULT
AT_ONCE = 64  # pictures a call, where the server gathers them

Answer = dict[str, Any]  # label, confidence


class Classifier:
    def __init__(self) -> None:
        self.runtime = Runtime.load(FOLDER)
        self.runtime.warm_up()

    def classify(self, pictures: list[bytes]) -> list[Answer]:
        """By compiled calls of fixed sizes, as Kadr's worker does."""
        return self._told(self.runtime.predict(self.inputs(pictures)).probabilities)

    def inputs(self, pictures: list[bytes]) -> Any:
        import numpy as np

        size = self.runtime.manifest.input_size
        return np.stack([preprocess.from_jpeg(picture, size) for picture in pictures])

    def _told(self, probabilities: Any) -> list[Answer]:
        names = [kind["id"] for kind in self.runtime.classes]
        best = probabilities.argmax(axis=1)
        return [
            {"label": names[place], "confidence": float(row[place])}
            for place, row in zip(best, probabilities, strict=True)
        ]


class PlainClassifier(Classifier):
    """By Keras's own `predict`, one picture a call, as a first version usually does."""

    def __init__(self) -> None:
        from ml.weights import network

        super().__init__()
        self.network = network(FOLDER, self.runtime.manifest)
        self.network.predict(self._blank(), verbose=0)

    def classify(self, pictures: list[bytes]) -> list[Answer]:
        logits = self.network.predict(self.inputs(pictures), verbose=0)
        return self._told(answers(logits, self.runtime.manifest.calibration).probabilities)

    def _blank(self) -> Any:
        import numpy as np

        size = self.runtime.manifest.input_size
        return np.zeros((1, size, size, 3), np.uint8)
