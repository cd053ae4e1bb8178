"""Writes a model that ships as the engines read it that Kadr does not serve with:
`python -m benchmarks.engines.networks NAME FOLDER`."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from ml import manifest, weights
from ml.engines import tensorflow
from ml.manifest import Manifest

BATCHES = (1, 128)
ONNX, INPUTS = "network.onnx", "inputs.npy"


def main(name: str, folder: Path) -> None:
    np.save(folder / INPUTS, inputs(name))
    tensorflow.prepare()
    network = weights.network(manifest.MODELS / name, described(name))
    _write_onnx(network, described(name).input_size, folder)


def described(name: str) -> Manifest:
    return manifest.read(manifest.MODELS / name)


def inputs(name: str) -> np.ndarray:
    """Made-up pictures (128, size, size, 3) uint8."""
    from benchmarks import pictures
    from ml import preprocess

    size = described(name).input_size
    return np.stack([preprocess.from_jpeg(pictures.jpeg(n), size) for n in range(BATCHES[-1])])


def _write_onnx(network: Any, size: int, folder: Path) -> None:
    import tensorflow as tf
    import tf2onnx

    signature = tf.TensorSpec((None, size, size, 3), tf.uint8, name="x")
    tf2onnx.convert.from_function(
        tf.function(lambda x: network(x, training=False), [signature]),
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


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
