"""A depthwise convolution in parts is PyTorch's own, forward and back."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
import torch
from torch.nn import functional

from ml.pytorch.depthwise import DepthwiseConvolution, same_edges

SHAPES = [(2, 8, 8, 3), (1, 7, 4, 2), (2, 3, 3, 5), (3, 1, 1, 2)]
KINDS = [(*kind, shape) for kind, shape in product(product((3, 5), (1, 2)), SHAPES)]


def drawn(kernel, stride, shape):
    torch.manual_seed(sum(shape))
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    return x, torch.randn(kernel, kernel, shape[3], 1, dtype=torch.float64, requires_grad=True)


def by_pytorch(x, kernel, stride):
    rows, columns = (same_edges(side, kernel.shape[0], stride) for side in x.shape[1:3])
    wide = functional.pad(x.permute(0, 3, 1, 2), (*columns, *rows))
    out = functional.conv2d(wide, kernel.permute(2, 3, 0, 1), stride=stride, groups=x.shape[3])
    return out.permute(0, 2, 3, 1)


@pytest.mark.parametrize(("kernel", "stride", "shape"), KINDS)
def test_it_answers_as_pytorch_s_own_does(kernel, stride, shape):
    given = drawn(kernel, stride, shape)
    expected = by_pytorch(*given, stride)
    said = DepthwiseConvolution.apply(*given, stride)
    assert said.shape == expected.shape and torch.allclose(said, expected)


@pytest.mark.parametrize(("kernel", "stride", "shape"), KINDS)
def test_its_gradients_are_those_of_pytorch_s_own(kernel, stride, shape):
    given = drawn(kernel, stride, shape)
    weights = torch.randn_like(by_pytorch(*given, stride))
    ours, theirs = (
        torch.autograd.grad((one(*given, stride) * weights).sum(), given)
        for one in (DepthwiseConvolution.apply, by_pytorch)
    )
    assert all(map(torch.allclose, ours, theirs))


def test_kernels_of_two_sizes_that_need_zeros_of_one_shape_do_not_share_them():
    """Both spread their gradients over 15 pixels a side, at other places."""
    small, large = ((kernel, 2, (1, side, side, 2)) for kernel, side in ((3, 12), (5, 8)))
    for kind in (small, large, small):
        test_its_gradients_are_those_of_pytorch_s_own(*kind)


def test_threads_that_calculate_at_once_do_not_share_what_they_write():
    kinds = [(3, 2, (2, 8, 8, 3)), (5, 2, (2, 8, 8, 3))] * 20
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(
            lambda kind: test_its_gradients_are_those_of_pytorch_s_own(*kind), kinds
        ):
            pass


def test_what_needs_no_gradient_gets_none():
    x, kernel = drawn(3, 2, (2, 8, 8, 3))
    DepthwiseConvolution.apply(x.detach(), kernel, 2).sum().backward()
    assert kernel.grad is not None and x.grad is None
    DepthwiseConvolution.apply(x, kernel.detach(), 2).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "edges"),
    [(8, 3, 1, (1, 1)), (8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 2, (1, 2)), (1, 1, 1, (0, 0))],
)
def test_the_edges_are_those_that_tensorflow_adds(side, kernel, stride, edges):
    """As its documentation of padding="SAME" has it."""
    assert same_edges(side, kernel, stride) == edges
