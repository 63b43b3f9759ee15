"""The synthesizers' convolutions: each between maps and maps of twice their side.

Parameters and results are those of the PyTorch modules that these extend, up to the order of
floating-point sums. Two kinds are slow on a processor: of one channel PyTorch's kernels run at a
few percent of its speed, so that the same sums are ordered by the four phases of the image's pixels
(even and odd rows and columns), an ordinary convolution with four channels; and wide ones have
many products, which `winograd` spares (without second derivatives).
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from augtrial.compiled import by_pixel, has_numba, maps_like


class Halving(nn.Conv2d):
    """Maps [n, before, 2s, 2s] to [n, after, s, s]: a convolution of stride 2, odd kernel."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        """Build the layer; it pads by half the kernel."""
        super().__init__(before, after, kernel, stride=2, padding=kernel // 2, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps of half the side."""
        if _has_products(maps, self):
            return _Halve.apply(maps, self.weight)
        return super().forward(maps)


class Doubling(nn.ConvTranspose2d):
    """Maps [n, before, s, s] to [n, after, 2s, 2s]: a fractionally-strided convolution."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        """Build the layer; it doubles the side exactly."""
        super().__init__(
            before, after, kernel, stride=2, padding=kernel // 2, output_padding=1, bias=False
        )

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the maps of twice the side."""
        if output_size is None and _has_products(maps, self):
            return _Double.apply(maps, self.weight)
        return super().forward(maps, output_size)


class FromImage(nn.Conv2d):
    """Images [n, 1, 2s, 2s] to maps [n, c, s, s]: a convolution of stride 2, odd kernel."""

    def __init__(self, channels: int, kernel: int, *, bias: bool = True) -> None:
        """Build the layer; it pads by half the kernel."""
        super().__init__(1, channels, kernel, stride=2, padding=kernel // 2, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Return the maps."""
        weight = _by_phase(self.weight)  # [c, 1, taps, 2, taps, 2]
        channels, _, taps = weight.shape[:3]
        weight = weight.permute(0, 1, 3, 5, 2, 4).reshape(channels, 4, taps, taps)
        weight = weight.contiguous(memory_format=torch.channels_last)  # and so are the maps
        return F.conv2d(F.pixel_unshuffle(images, 2), weight, self.bias, padding=taps // 2)


class ToImage(nn.ConvTranspose2d):
    """Maps [n, c, s, s] to images [n, 1, 2s, 2s]: a fractionally-strided convolution."""

    def __init__(self, channels: int, kernel: int, *, bias: bool = True) -> None:
        """Build the layer; it doubles the side exactly."""
        super().__init__(
            channels, 1, kernel, stride=2, padding=kernel // 2, output_padding=1, bias=bias
        )

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the images."""
        weight = _by_phase(self.weight).flip(2, 4)  # a transposed convolution runs backwards
        channels, _, taps = weight.shape[:3]
        weight = weight.permute(1, 3, 5, 0, 2, 4).reshape(4, channels, taps, taps)
        bias = None if self.bias is None else self.bias.expand(4)
        return F.pixel_shuffle(F.conv2d(maps, weight, bias, padding=taps // 2), 2)


def _by_phase(weight: Tensor) -> Tensor:
    """Return a kernel [a, b, k, k] as [a, b, taps, 2, taps, 2]: pixel pairs, and which of a pair.

    Zeros make it begin at an even pixel and as many pairs before the centre's as after it.
    """
    kernel = weight.shape[-1]
    half = kernel // 2
    pairs = -(-half // 2)
    before, after = 2 * pairs - half, 2 * pairs + 1 - half
    padded = F.pad(weight, (before, after, before, after))
    taps = 2 * pairs + 1
    return padded.reshape(*weight.shape[:2], taps, 2, taps, 2)


def _has_products(maps: Tensor, layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Return whether `winograd` is the way for maps [n, c, h, w] through this layer.

    Not without gradients: for a few samples numba's start takes longer than PyTorch's way.
    """
    weight, halves = layer.weight, isinstance(layer, nn.Conv2d)
    return (
        maps.device.type == "cpu"
        and torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and has_numba()
        and maps.dim() == 4
        and maps.shape[1] == layer.in_channels
        and maps.numel() > 0
        and maps.dtype == weight.dtype == torch.float32
        and layer.kernel_size == (5, 5)
        and all(channels == 8 or channels % 16 == 0 for channels in weight.shape[:2])
        and not any(side % (4 if halves else 2) for side in maps.shape[2:])  # whole tiles
    )


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx, big: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(big, weight)
        return _halved(big, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        big, weight = ctx.saved_tensors
        to_big, to_weight = ctx.needs_input_grad
        return (
            _doubled(gradient, weight) if to_big else None,
            _correlated(big, gradient) if to_weight else None,
        )


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, small: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(small, weight)
        return _doubled(small, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        small, weight = ctx.saved_tensors
        to_small, to_weight = ctx.needs_input_grad
        return (
            _halved(gradient, weight) if to_small else None,
            _correlated(gradient, small) if to_weight else None,
        )


def _halved(big: Tensor, weight: Tensor) -> Tensor:
    from augtrial.synthesizers import winograd

    images, _, height, width = big.shape
    shape = images, weight.shape[0], height // 2, width // 2
    small = maps_like(big, *shape)
    tile = winograd.tile_of(images, *shape[2:])
    winograd.halve(by_pixel(big), by_pixel(weight), by_pixel(small), tile)
    return small


def _doubled(small: Tensor, weight: Tensor) -> Tensor:
    from augtrial.synthesizers import winograd

    images, _, height, width = small.shape
    shape = images, weight.shape[1], 2 * height, 2 * width
    big = maps_like(small, *shape).zero_()
    tile = winograd.tile_of(images, height, width)
    winograd.double(by_pixel(small), by_pixel(weight).transpose(3, 1, 2, 0), by_pixel(big), tile)
    return big


def _correlated(big: Tensor, small: Tensor) -> Tensor:
    """Return the gradient of a weight [small's channels, big's channels, 5, 5]."""
    from augtrial.synthesizers import winograd

    weight = maps_like(big, small.shape[1], big.shape[1], 5, 5)
    tile = winograd.tile_of(len(small), *small.shape[2:])
    winograd.correlate(by_pixel(big), by_pixel(small), by_pixel(weight), tile)
    return weight
