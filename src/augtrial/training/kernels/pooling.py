"""A convolution, max-pooling and ReLU as one, whose gradient on a CPU visits winners alone.

A winner's gradient times the 3x3 patch that it saw goes to its filter's gradient, and times its
filter to the patch's: PyTorch's sums of finite numbers without their zeros, in another order.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from augtrial.training.kernels.compiled import has_numba


def has_loops(x: Tensor, convolution: nn.Conv2d) -> bool:
    """Return whether there are loops for such feature maps [n, c, h, w] and filters here."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or not has_numba():
        return False
    from augtrial.training.kernels.pooling_loops import LANES

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


def convolve_and_pool(x: Tensor, convolution: Any) -> Tensor:
    """Return relu(max_pool(convolution(x))) of x [n, c, h, w], by loops where there are some."""
    if has_loops(x, convolution):
        return _Winners.apply(x, convolution.weight, convolution.bias)
    return F.relu(F.max_pool2d(convolution(x), 2))  # the two commute; this order is quicker


class _Winners(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        from augtrial.training.kernels import pooling_loops as loops

        n, channels, h, w = x.shape
        pooled = empty_by_pixel(x, n, len(weight), (h - 2) // 2, (w - 2) // 2)
        winners = torch.empty_like(pooled, dtype=torch.uint8)
        outputs = by_pixel(pooled), by_pixel(winners)
        if channels == 1:  # at once, without the feature maps between, which are large
            by_tap = weight.detach().flatten(1).T.contiguous().numpy()
            images = by_pixel(x)[..., 0]
            loops.convolve_image_and_pool(images, by_tap, bias.detach().numpy(), *outputs)
        else:
            loops.pool(by_pixel(F.conv2d(x, weight, bias)), *outputs)
        ctx.save_for_backward(x, weight, winners)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        from augtrial.training.kernels import pooling_loops as loops

        x, weight, winners = ctx.saved_tensors
        passed = by_pixel(gradient), by_pixel(winners)
        to_filters, to_bias = empty_by_pixel(x, *weight.shape).zero_(), x.new_zeros(len(weight))
        loops.add_to_filters(by_pixel(x), *passed, by_pixel(to_filters), to_bias.numpy())
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs = empty_by_pixel(x, *x.shape).zero_()
            loops.add_to_inputs(by_pixel(weight), *passed, by_pixel(to_inputs))
        return to_inputs, to_filters, to_bias


def by_pixel(feature_maps: Tensor) -> np.ndarray:
    """Return [n, c, h, w] as an array [n, h, w, c]: the channels of a pixel lie side by side."""
    return feature_maps.detach().permute(0, 2, 3, 1).contiguous().numpy()


def empty_by_pixel(like: Tensor, *shape: int) -> Tensor:
    """Return feature maps [n, c, h, w] of this shape, unset, whose memory `by_pixel` shares."""
    layout = torch.channels_last
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)
