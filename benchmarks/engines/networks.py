"""Writes a network as each engine reads it: `python -m benchmarks.engines.networks NAME FOLDER`.

`cifar10_improved` has the weights that ship. Any other architecture has random ones, which cost as
much; its whitening layer is made of the inputs, as training makes it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.service import ROOT
from ml import manifest, runtime
from ml.manifest import Manifest

SHIPS = ROOT / "ml/models/cifar10_improved"
BATCHES = (1, 128)
ONNX, WEIGHTS, INPUTS = "network.onnx", "weights.npz", "inputs.npy"


def main(name: str, folder: Path) -> None:
    x = inputs()
    network = built(name, x)
    keep(network, x, folder)
    _write_onnx(network, folder)
    for batch in BATCHES:
        _write_tflite(network, batch, folder)


def keep(network: Any, x: np.ndarray, folder: Path) -> None:
    """Its weights, and what it is asked."""
    np.savez(folder / WEIGHTS, *network.get_weights())
    np.save(folder / INPUTS, x)


def described() -> Manifest:
    """The classes, the size and the calibration, for every network."""
    return manifest.read(SHIPS)


def inputs() -> np.ndarray:
    """Made-up pictures (128, 32, 32, 3) uint8."""
    from benchmarks import pictures
    from ml import preprocess

    size = described().input_size
    return np.stack([preprocess.from_jpeg(pictures.jpeg(n), size) for n in range(BATCHES[-1])])


def built(name: str, x: np.ndarray) -> Any:
    """The network by its name, with weights."""
    device = runtime._prepare_tensorflow()
    assert device
    if name == described().architecture:
        return runtime.network(SHIPS, described())
    from ml import architectures

    network = architectures.build(name, size=described().input_size)
    chance = np.random.default_rng(1)
    network.set_weights([_drawn(chance, weight) for weight in network.get_weights()])
    architectures.whiten(network, x)
    return network


def _drawn(chance: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    """Kernels so large that what passes keeps its size, and that the last one decides on a class;
    anything else as it is."""
    if weight.ndim < 2:
        return weight
    decisive = 12 if weight.ndim == 2 else 1
    return chance.normal(0, decisive * (2 / np.prod(weight.shape[:-1])) ** 0.5, weight.shape)


def _concrete(network: Any, batch: int | None) -> tuple[Any, Any]:
    import tensorflow as tf

    size = described().input_size
    signature = tf.TensorSpec((batch, size, size, 3), tf.uint8, name="x")
    return tf.function(lambda x: network(x, training=False), [signature]), signature


def _write_onnx(network: Any, folder: Path) -> None:
    import tf2onnx

    function, signature = _concrete(network, None)
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


def _write_tflite(network: Any, batch: int, folder: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function, _ = _concrete(network, batch)
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    tflite(folder, batch).write_bytes(converter.convert())


def tflite(folder: Path, batch: int) -> Path:
    return folder / f"network-{batch}.tflite"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
