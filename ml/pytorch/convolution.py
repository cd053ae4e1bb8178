"""A 3x3 convolution as one matrix multiplication, forward and back.

oneDNN's convolutions find the kernels' gradient of a map of 3x3 or 7x7 at a tenth of the speed of
its matrix multiplication on the same numbers (docs/decisions.md).
"""

import threading
from typing import Any

import torch
from torch.nn import functional

_own = threading.local()


class Convolution(torch.autograd.Function):
    """x (n, h, w, c) with kernel (3, 3, c, f), the edge padded by zeros: (n, h, w, f)."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(x, kernel)
        return _convolve(x, kernel)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> Any:
        x, kernel = context.saved_tensors
        gradient = gradient.contiguous()
        of_x = of_kernel = None
        if context.needs_input_grad[1]:
            flat = gradient.view(-1, kernel.shape[3])
            of_kernel = (patches(x).T @ flat).view(kernel.shape)
        if context.needs_input_grad[0]:
            of_x = _convolve(gradient, kernel.flip(0, 1).transpose(2, 3))
        return of_x, of_kernel


def _convolve(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    filters = kernel.shape[3]
    return (patches(x) @ kernel.reshape(-1, filters)).view(*x.shape[:3], filters)


def patches(x: torch.Tensor) -> torch.Tensor:
    """The 3x3 patches of x (n, h, w, c), which is contiguous: (n * h * w, 9 * c).

    They lie in memory that this thread's next call uses again: new memory for each would cost more
    in page faults than the copying does.
    """
    n, h, w, c = x.shape
    wide = functional.pad(x, (0, 0, 1, 1, 1, 1))
    row = (w + 2) * c  # three neighbours in a row lie side by side, so they are copied at once
    seen = wide.as_strided((n, h, w, 3, 3 * c), ((h + 2) * row, row, c, row, 1))
    room = _room(seen.numel(), x.dtype)
    return room.view(seen.shape).copy_(seen).view(n * h * w, 9 * c)


def _room(size: int, dtype: torch.dtype) -> torch.Tensor:
    room = getattr(_own, "room", None)
    if room is None or room.dtype != dtype or room.numel() < size:
        room = _own.room = torch.empty(size, dtype=dtype)
    return room[:size]
