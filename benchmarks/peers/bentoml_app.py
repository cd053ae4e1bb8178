"""BentoML with adaptive batching: `bentoml serve benchmarks.peers.bentoml_app:Batching`."""

import base64

import bentoml

from benchmarks.peers.classifier import AT_ONCE, Answer, Classifier


@bentoml.service(workers=1, traffic={"timeout": 60})
class Batching:
    def __init__(self) -> None:
        self.classifier = Classifier()

    @bentoml.api(batchable=True, max_batch_size=AT_ONCE, max_latency_ms=60_000)
    def classify(self, images: list[str]) -> list[Answer]:
        """Pictures in base64: one a request, gathered by BentoML."""
        return self.classifier.classify([base64.b64decode(image) for image in images])
