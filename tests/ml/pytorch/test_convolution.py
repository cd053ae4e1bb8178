"""A convolution by matrix multiplication is PyTorch's own, forward and back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.nn import functional

from ml.pytorch.convolution import Convolution, patches

SHAPES = [(2, 3, 3, 5, 7), (4, 15, 15, 8, 6), (1, 6, 9, 3, 4), (3, 1, 1, 2, 2)]


def drawn(n, h, w, c, f):
    torch.manual_seed(n + h)
    x = torch.randn(n, h, w, c, dtype=torch.float64, requires_grad=True)
    return x, torch.randn(3, 3, c, f, dtype=torch.float64, requires_grad=True)


def by_pytorch(x, kernel):
    out = functional.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), padding=1)
    return out.permute(0, 2, 3, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_answers_as_pytorch_s_own_does(shape):
    x, kernel = drawn(*shape)
    assert torch.allclose(Convolution.apply(x, kernel), by_pytorch(x, kernel))


@pytest.mark.parametrize("shape", SHAPES)
def test_its_gradients_are_those_of_pytorch_s_own(shape):
    x, kernel = drawn(*shape)
    weights = torch.randn_like(by_pytorch(x, kernel))
    of_ours = torch.autograd.grad((Convolution.apply(x, kernel) * weights).sum(), (x, kernel))
    of_theirs = torch.autograd.grad((by_pytorch(x, kernel) * weights).sum(), (x, kernel))
    assert all(map(torch.allclose, of_ours, of_theirs))


def test_its_gradients_are_what_small_steps_say():
    assert torch.autograd.gradcheck(Convolution.apply, drawn(2, 4, 3, 2, 3))


def test_what_needs_no_gradient_gets_none():
    x, kernel = drawn(2, 3, 3, 5, 7)
    Convolution.apply(x.detach(), kernel).sum().backward()
    assert kernel.grad is not None and x.grad is None
    Convolution.apply(x, kernel.detach()).sum().backward()
    assert x.grad is not None


def test_a_gradient_that_does_not_lie_in_one_piece_is_read_right():
    x, kernel = drawn(2, 4, 4, 3, 5)
    turned = torch.randn(2, 5, 4, 4, dtype=torch.float64).permute(0, 2, 3, 1)
    ours = torch.autograd.grad(Convolution.apply(x, kernel), (x, kernel), turned)
    theirs = torch.autograd.grad(by_pytorch(x, kernel), (x, kernel), turned)
    assert all(map(torch.allclose, ours, theirs))


def test_patches_are_a_pixel_and_its_eight_neighbours_in_reading_order():
    x = torch.arange(1, 10.0).view(1, 3, 3, 1)
    assert patches(x)[4].tolist() == list(range(1, 10))
    assert patches(x)[0].tolist() == [0, 0, 0, 0, 1, 2, 0, 4, 5]


def test_patches_of_a_small_picture_after_those_of_a_large_one_hold_nothing_of_it():
    patches(torch.full((4, 9, 9, 8), 7.0))
    assert patches(torch.zeros(1, 3, 3, 2)).abs().sum() == 0


def test_patches_keep_the_precision_of_what_they_are_of():
    assert patches(torch.zeros(1, 3, 3, 2)).dtype == torch.float32
    assert patches(torch.zeros(1, 3, 3, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_threads_do_not_write_over_one_another():
    pictures = [torch.full((8, 31, 31, 16), float(i)) for i in range(16)]
    kernel = torch.ones(3, 3, 16, 4)
    with ThreadPoolExecutor(4) as threads:
        got = list(threads.map(lambda x: Convolution.apply(x, kernel), pictures))
    for i, out in enumerate(got):
        assert out[:, 1:-1, 1:-1].unique().tolist() == [i * 9 * 16]
