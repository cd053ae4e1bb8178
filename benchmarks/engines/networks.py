"""Writes a model that ships as each engine reads it:
`python -m benchmarks.engines.networks NAME FOLDER`."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from ml import manifest, runtime
from ml.manifest import Manifest

BATCHES = (1, 128)
ONNX, INPUTS = "network.onnx", "inputs.npy"


def main(name: str, folder: Path) -> None:
    np.save(folder / INPUTS, inputs(name))
    device = runtime._prepare_tensorflow()
    assert device
    network = runtime.network(manifest.MODELS / name, described(name))
    size = described(name).input_size
    _write_onnx(network, size, folder)
    for batch in BATCHES:
        _write_tflite(network, size, batch, folder)


def described(name: str) -> Manifest:
    return manifest.read(manifest.MODELS / name)


def inputs(name: str) -> np.ndarray:
    """Made-up pictures (128, size, size, 3) uint8."""
    from benchmarks import pictures
    from ml import preprocess

    size = described(name).input_size
    return np.stack([preprocess.from_jpeg(pictures.jpeg(n), size) for n in range(BATCHES[-1])])


def _concrete(network: Any, size: int, batch: int | None) -> tuple[Any, Any]:
    import tensorflow as tf

    signature = tf.TensorSpec((batch, size, size, 3), tf.uint8, name="x")
    return tf.function(lambda x: network(x, training=False), [signature]), signature


def _write_onnx(network: Any, size: int, folder: Path) -> None:
    import tf2onnx

    function, signature = _concrete(network, size, None)
    tf2onnx.convert.from_function(
        function,
        [signature],
        custom_op_handlers={"Erfc": (_erfc, [])},
        output_path=str(folder / ONNX),
    )


def _erfc(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> None:
    """1 - erf: ONNX knows only that, and GELU is made of the other."""
    shapes, types = node.output_shapes, node.output_dtypes
    one = graph.make_const(f"{node.name}_one", np.ones((), np.float32))
    graph.remove_node(node.name)
    erf = graph.make_node("Erf", node.input)
    difference = [one.output[0], erf.output[0]]
    graph.make_node("Sub", difference, outputs=node.output, shapes=shapes, dtypes=types)


def _write_tflite(network: Any, size: int, batch: int, folder: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function, _ = _concrete(network, size, batch)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    tflite(folder, batch).write_bytes(converter.convert())


def tflite(folder: Path, batch: int) -> Path:
    return folder / f"network-{batch}.tflite"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
