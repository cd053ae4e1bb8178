"""Each engine as one callable: images (n, size, size, 3) uint8 in, probabilities (n, classes) out.
n is one of networks.BATCHES."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import networks
from ml import runtime
from ml.manifest import MODELS

CORES = os.cpu_count() or 1
Predict = Callable[[np.ndarray], np.ndarray]


def tensorflow(folder: Path, name: str) -> Predict:
    return _as_the_worker(name, "tensorflow")


def litert(folder: Path, name: str) -> Predict:
    return _as_the_worker(name, "litert")


def _as_the_worker(name: str, engine: str) -> Predict:
    serving = runtime.Runtime.load(MODELS / name, engine)
    serving.warm_up()
    return lambda x: serving.predict(x).probabilities


def onnx_runtime(folder: Path, name: str) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = CORES
    session = onnxruntime.InferenceSession(
        str(folder / networks.ONNX), options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0].name
    return _calibrated(lambda x: session.run(None, {entry: x})[0], name)


def openvino(folder: Path, name: str) -> Predict:
    """In single precision: its default is coarser where the processor can do bfloat16."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = {}
    for batch in networks.BATCHES:
        model = core.read_model(folder / networks.ONNX)
        size = networks.described(name).input_size
        model.reshape([batch, size, size, 3])
        compiled[batch] = core.compile_model(model, "CPU", settings)
    return _calibrated(lambda x: compiled[len(x)](x)[0], name)


def _calibrated(logits: Callable[[np.ndarray], Any], name: str) -> Predict:
    calibration = networks.described(name).calibration
    return lambda x: runtime.answers(logits(x), calibration).probabilities


ENGINES: dict[str, Callable[[Path, str], Predict]] = {
    "TensorFlow": tensorflow,
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
    "LiteRT": litert,
}
