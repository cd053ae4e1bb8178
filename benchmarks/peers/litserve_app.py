"""LitServe with batches of 64: `python -m benchmarks.peers.litserve_app PORT`."""

import base64
import sys
from typing import Any

import litserve
from fastapi import Request

from benchmarks.peers.classifier import AT_ONCE, Answer, Classifier


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.classifier = Classifier()

    def decode_request(self, request: Request, **_: Any) -> bytes:
        """The annotation is LitServe's; what comes is the JSON body."""
        return base64.b64decode(request["image"])

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def predict(self, inputs: list[bytes], **_: Any) -> list[Answer]:
        return self.classifier.classify(inputs)

    def unbatch(self, output: list[Answer]) -> list[Answer]:
        return output

    def encode_response(self, output: Answer, **_: Any) -> Answer:
        return output


def main(port: int) -> None:
    api = Api(max_batch_size=AT_ONCE, batch_timeout=0.005, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, num_api_servers=1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
