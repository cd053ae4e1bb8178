"""A depthwise convolution of 3x3 or 5x5, forward and back.

In half precision oneDNN is fast forward and at the kernels' gradient of 3x3, and up to two hundred
times as slow at that of 5x5 and at a strided one's gradient of its input. So a 5x5 kernel's
gradient is found as four of 3x3, and the other by a convolution forward (docs/decisions.md).
"""

import threading
from typing import Any

import torch
from torch.nn import functional

_own = threading.local()


class DepthwiseConvolution(torch.autograd.Function):
    """x (n, h, w, c) with kernel (k, k, c, 1) by steps of `stride`, 1 or 2, the edge padded by
    zeros as TensorFlow's "same" does: (n, h / stride, w / stride, c)."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, kernel: torch.Tensor, stride: int) -> torch.Tensor:
        size = kernel.shape[0]
        rows, columns = (same_edges(side, size, stride) for side in x.shape[1:3])
        wide = functional.pad(x, (0, 0, *columns, *rows))
        context.save_for_backward(wide, kernel)
        context.stride, context.rows, context.columns = stride, rows, columns
        return _convolve(wide, kernel, stride)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> Any:
        wide, kernel = context.saved_tensors
        gradient = gradient.contiguous()
        of_x = of_kernel = None
        if context.needs_input_grad[1]:
            of_kernel = _of_kernel(wide, gradient, kernel, context.stride)
        if context.needs_input_grad[0]:
            of_wide = _of_input(gradient, kernel, context.stride, wide.shape)
            (top, bottom), (left, right) = context.rows, context.columns
            height, width = wide.shape[1:3]
            of_x = of_wide[:, top : height - bottom, left : width - right]
        return of_x, of_kernel, None


def same_edges(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """How many zeros TensorFlow's "same" adds before and after a side of so many pixels."""
    steps = -(-side // stride)
    missing = max((steps - 1) * stride + kernel - side, 0)
    return missing // 2, missing - missing // 2


def _convolve(wide: torch.Tensor, kernel: torch.Tensor, stride: int) -> torch.Tensor:
    channels = kernel.shape[2]
    made = functional.conv2d(
        wide.permute(0, 3, 1, 2), kernel.permute(2, 3, 0, 1), stride=stride, groups=channels
    )
    return made.permute(0, 2, 3, 1)


def _of_input(
    gradient: torch.Tensor, kernel: torch.Tensor, stride: int, padded: torch.Size
) -> torch.Tensor:
    """The gradient of the padded input, whose shape is given."""
    size = kernel.shape[0]
    n, height, width, channels = padded
    _, rows, columns, _ = gradient.shape
    shape = (n, height + size - 1, width + size - 1, channels)
    spread = _zeros(shape, size, stride, gradient.dtype)
    there = spread[:, size - 1 :: stride, size - 1 :: stride][:, :rows, :columns]
    there.copy_(gradient)
    return _convolve(spread, kernel.flip(0, 1), 1)


def _zeros(shape: tuple[int, ...], size: int, stride: int, dtype: torch.dtype) -> torch.Tensor:
    """Zeros but where a gradient of such a shape is written, by kernel size and stride: this
    thread's next such call uses the same memory, since new memory costs more than all else."""
    kept = _own.__dict__
    key = (shape, size, stride, dtype)
    if key not in kept:
        kept[key] = torch.zeros(shape, dtype=dtype)
    return kept[key]


def _of_kernel(
    wide: torch.Tensor, gradient: torch.Tensor, kernel: torch.Tensor, stride: int
) -> torch.Tensor:
    size = kernel.shape[0]
    whole = torch.empty_like(kernel)
    rows, columns = ((side - 1) * stride + 3 for side in gradient.shape[1:3])
    starts = range(0, size - 2, 2)
    for top in starts:
        for left in starts:
            seen = wide[:, top : top + rows, left : left + columns]
            part = _of_small_kernel(seen, gradient, kernel[:3, :3], stride)
            whole[top : top + 3, left : left + 3] = part
    return whole


def _of_small_kernel(
    wide: torch.Tensor, gradient: torch.Tensor, kernel: torch.Tensor, stride: int
) -> torch.Tensor:
    channels = kernel.shape[2]
    _, found, _ = torch.ops.aten.convolution_backward(
        gradient.permute(0, 3, 1, 2),
        wide.permute(0, 3, 1, 2),
        kernel.permute(2, 3, 0, 1),
        None,
        [stride, stride],
        [0, 0],
        [1, 1],
        False,
        [0, 0],
        channels,
        [False, True, False],
    )
    return found.permute(2, 3, 0, 1)
