"""Convolutions between maps and others of twice their side, computed by phases.

Parameters and results are those of the PyTorch modules that these extend, up to the order of
floating-point sums. Of one channel PyTorch's kernels run at a few percent of a processor's speed,
so that the same sums are ordered by the four phases of the larger side's pixels (even and odd rows
and columns): an ordinary convolution with four times the channels.
"""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FromImage(nn.Conv2d):
    """Images [n, 1, 2s, 2s] to maps [n, c, s, s]: a convolution of stride 2, odd kernel."""

    def __init__(self, channels: int, kernel: int) -> None:
        """Build the layer; it pads by half the kernel."""
        super().__init__(1, channels, kernel, stride=2, padding=kernel // 2)

    def forward(self, images: Tensor) -> Tensor:
        """Return the maps."""
        weight = _by_phase(self.weight)  # [c, 1, taps, 2, taps, 2]
        channels, _, taps = weight.shape[:3]
        weight = weight.permute(0, 1, 3, 5, 2, 4).reshape(channels, 4, taps, taps)
        weight = weight.contiguous(memory_format=torch.channels_last)  # and so are the maps
        return F.conv2d(F.pixel_unshuffle(images, 2), weight, self.bias, padding=taps // 2)


class ToImage(nn.ConvTranspose2d):
    """Maps [n, c, s, s] to images [n, 1, 2s, 2s]: a fractionally-strided convolution."""

    def __init__(self, channels: int, kernel: int) -> None:
        """Build the layer; it doubles the side exactly."""
        super().__init__(channels, 1, kernel, stride=2, padding=kernel // 2, output_padding=1)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the images."""
        weight = _by_phase(self.weight).flip(2, 4)  # a transposed convolution runs backwards
        channels, _, taps = weight.shape[:3]
        weight = weight.permute(1, 3, 5, 0, 2, 4).reshape(4, channels, taps, taps)
        bias = None if self.bias is None else self.bias.expand(4)
        return F.pixel_shuffle(F.conv2d(maps, weight, bias, padding=taps // 2), 2)


class UpsampledConv(nn.Conv2d):
    """Maps [n, a, s, s] to maps [n, b, 2s, 2s]: nearest-neighbour upsampling and a convolution.

    The pixels of a pair are the same before the convolution, so that its taps are added first.
    """

    sums: Tensor

    def __init__(self, before: int, after: int, kernel: int, *, bias: bool) -> None:
        """Build the layer; it pads by half the kernel, which is odd."""
        super().__init__(before, after, kernel, padding=kernel // 2, bias=bias)
        each = torch.eye(kernel**2).view(-1, 1, kernel, kernel)
        ends = itertools.product((0, 1), repeat=2)  # row and column of a pixel in its pairs
        sums = torch.cat([_by_phase(each, *end).sum((3, 5)) for end in ends], dim=1)
        self.register_buffer("sums", sums, persistent=False)  # [k^2, 4, taps, taps], of 0 and 1

    def forward(self, maps: Tensor) -> Tensor:
        """Return the larger maps."""
        taps = self.sums.shape[-1]
        weight = self.weight.flatten(2) @ self.sums.flatten(1)  # [b, a, 4 taps^2]
        weight = weight.unflatten(2, (4, taps, taps)).transpose(1, 2).flatten(0, 1)
        weight = weight.contiguous(memory_format=torch.channels_last)  # and so are the maps
        bias = None if self.bias is None else self.bias[:, None].expand(-1, 4).flatten()
        return F.pixel_shuffle(F.conv2d(maps, weight, bias, padding=taps // 2), 2)


def _by_phase(weight: Tensor, row: int = 0, column: int = 0) -> Tensor:
    """Return a kernel [a, b, k, k] as [a, b, taps, 2, taps, 2]: pixel pairs, and which of a pair.

    Its centre is on the first pixel of a pair, or the second where `row` or `column` is 1. Zeros
    make it begin with a whole pair, and as many pairs before the centre's as after it.
    """
    kernel = weight.shape[-1]
    half = kernel // 2
    pairs = math.ceil(half / 2)
    before, after = 2 * pairs - half, 2 * pairs + 1 - half
    padded = F.pad(weight, (before + column, after - column, before + row, after - row))
    taps = 2 * pairs + 1
    return padded.reshape(*weight.shape[:2], taps, 2, taps, 2)
