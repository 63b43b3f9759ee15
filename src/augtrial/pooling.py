"""A convolution, max-pooling and ReLU as one, whose gradient on a CPU visits winners alone.

Of the four outputs under a 2x2 pool one wins, and a gradient passes only where it is above zero,
so that four in five products of PyTorch's kernels are with zeros. Here a winner's gradient times
the 3x3 patch that it saw goes to its filter's gradient, and times its filter to the patch's: the
same sums of finite numbers without their zeros, in another order.
"""

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from augtrial.compiled import by_pixel, loop, maps_like
from augtrial.vectors import LANES, block_adder

NOBODY = 4  # no output under the pool is above zero; else the winner is 0, 1, 2 or 3, by rows


def has_loops(x: Tensor, convolution: nn.Conv2d) -> bool:
    """Return whether there are loops for such maps [n, c, h, w] and filters."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    weight, channels = convolution.weight, x.shape[1]
    plain = convolution.stride, convolution.padding, convolution.dilation
    return (
        (channels == 1 or channels % LANES == 0)
        and weight.shape[1:] == (channels, 3, 3)
        and x.dtype == weight.dtype == torch.float32
        and convolution.bias is not None
        and plain == ((1, 1), (0, 0), (1, 1))
        and min(x.shape[2:]) >= 4
    )


def convolve_and_pool(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Return relu(max_pool(convolution(x))) [n, outputs, (h - 2) // 2, (w - 2) // 2].

    Args:
        x: maps [n, c, h, w].
        convolution: filters for which, and for x, `has_loops`.
    """
    return _Winners.apply(x, convolution.weight, convolution.bias)


class _Winners(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        n, channels, h, w = x.shape
        pooled = maps_like(x, n, len(weight), (h - 2) // 2, (w - 2) // 2)
        winners = torch.empty_like(pooled, dtype=torch.uint8)
        given = by_pixel(pooled), by_pixel(winners)
        if channels == 1:  # at once, without the maps between, which are large
            by_tap = weight.detach().flatten(1).T.contiguous().numpy()
            _convolve_image(by_pixel(x)[..., 0], by_tap, bias.detach().numpy(), *given)
        else:
            _pool(by_pixel(F.conv2d(x, weight, bias)), *given)
        ctx.save_for_backward(x, weight, winners)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight, winners = ctx.saved_tensors
        passed = by_pixel(gradient), by_pixel(winners)
        to_filters, to_bias = maps_like(x, *weight.shape).zero_(), x.new_zeros(len(weight))
        _to_filters(by_pixel(x), *passed, by_pixel(to_filters), to_bias.numpy())
        to_maps = None
        if ctx.needs_input_grad[0]:
            to_maps = maps_like(x, *x.shape).zero_()
            _to_maps(by_pixel(weight), *passed, by_pixel(to_maps))
        return to_maps, to_filters, to_bias


@njit
def _winner(a, b, c, d):
    """Return the largest of four, not below zero, and which it is; NaN is larger than all."""
    most, winner = a, np.uint8(0)
    if b > most or b != b:
        most, winner = b, np.uint8(1)
    if c > most or c != c:
        most, winner = c, np.uint8(2)
    if d > most or d != d:
        most, winner = d, np.uint8(3)
    if most <= 0:
        most, winner = np.float32(0), np.uint8(NOBODY)
    return most, winner


@loop
def _pool(maps, pooled, winners):
    for n in range(pooled.shape[0]):
        for i in range(pooled.shape[1]):
            for j in range(pooled.shape[2]):
                y, x = 2 * i, 2 * j
                for c in range(pooled.shape[3]):
                    pooled[n, i, j, c], winners[n, i, j, c] = _winner(
                        maps[n, y, x, c],
                        maps[n, y, x + 1, c],
                        maps[n, y + 1, x, c],
                        maps[n, y + 1, x + 1, c],
                    )


@loop
def _convolve_image(image, by_tap, bias, pooled, winners):
    for n in range(pooled.shape[0]):
        for i in range(pooled.shape[1]):
            for j in range(pooled.shape[2]):
                for c in range(pooled.shape[3]):
                    upper_left = upper_right = lower_left = lower_right = bias[c]
                    for row in range(3):
                        for column in range(3):
                            y, x, weight = 2 * i + row, 2 * j + column, by_tap[3 * row + column, c]
                            upper_left += weight * image[n, y, x]
                            upper_right += weight * image[n, y, x + 1]
                            lower_left += weight * image[n, y + 1, x]
                            lower_right += weight * image[n, y + 1, x + 1]
                    pooled[n, i, j, c], winners[n, i, j, c] = _winner(
                        upper_left, upper_right, lower_left, lower_right
                    )


_add_one_channel = block_adder(vectors=1, lanes=3)  # a patch's row has three pixels
_add_channels = block_adder(vectors=3)  # and three vectors for each eight channels


@loop
def _to_filters(maps, passed, winners, to_filters, to_bias):
    """Add to each filter's gradient [output, 3, 3, c] the patches that its winners saw."""
    images, height, width, channels = maps.shape
    rows, columns, outputs = passed.shape[1:]
    x, gradient = maps.reshape(-1), to_filters.reshape(-1)
    line, row = width * channels, 3 * channels
    places, factors = np.empty(rows * columns, np.int64), np.empty(rows * columns, np.float32)
    for n in range(images):
        for c in range(outputs):
            number = 0
            for i in range(rows):
                for j in range(columns):
                    k = np.int64(winners[n, i, j, c])
                    pixel = (n * height + 2 * i + (k >> 1)) * width + 2 * j + (k & 1)
                    places[number], factors[number] = pixel * channels, passed[n, i, j, c]
                    number += k != NOBODY  # no branch, hard to foresee; the next takes its place
            to_bias[c] += factors[:number].sum()
            at = c * 3 * row
            if channels == 1:
                _add_one_channel(gradient, at, row, factors, x, places, line, number)
                continue
            for part in range(0, row, 3 * LANES):
                _add_channels(gradient, at + part, row, factors, x[part:], places, line, number)


@loop
def _to_maps(filters, passed, winners, to_maps):
    """Add to each patch's gradient the filters [output, 3, 3, c] that won by it."""
    images, height, width, channels = to_maps.shape
    rows, columns, outputs = passed.shape[1:]
    f, gradient = filters.reshape(-1), to_maps.reshape(-1)
    line, row = width * channels, 3 * channels
    number = np.empty(NOBODY + 1, np.int64)
    places = np.empty((NOBODY + 1, outputs), np.int64)
    factors = np.empty((NOBODY + 1, outputs), np.float32)
    for n in range(images):
        for i in range(rows):
            for j in range(columns):
                number[:] = 0
                for c in range(outputs):
                    k = winners[n, i, j, c]
                    places[k, number[k]], factors[k, number[k]] = c * 3 * row, passed[n, i, j, c]
                    number[k] += 1
                for k in range(NOBODY):
                    pixel = (n * height + 2 * i + (k >> 1)) * width + 2 * j + (k & 1)
                    at, own, where, many = pixel * channels, factors[k], places[k], number[k]
                    if channels == 1:
                        _add_one_channel(gradient, at, line, own, f, where, row, many)
                        continue
                    for part in range(0, row, 3 * LANES):
                        _add_channels(gradient, at + part, line, own, f[part:], where, row, many)
