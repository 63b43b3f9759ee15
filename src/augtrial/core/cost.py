"""What a network and its training cost, as the network itself states it, without PyTorch."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """The cost of one network and of one update of its training.

    `multiply_adds` counts those of an update, forward and backward, of all its images; `weights`
    the numbers that are trained; `activations` those that an update keeps for its backward pass.
    """

    multiply_adds: float
    weights: int
    activations: float


@dataclass(frozen=True)
class Layer:
    """The multiply-adds of one image, the weights, and the outputs of one image of a layer."""

    multiply_adds: int
    weights: int
    outputs: int


def convolution(before: int, after: int, kernel: int, side: int, *, bias: bool = False) -> Layer:
    """Return a convolution whose smaller feature maps have this side."""
    weights = kernel**2 * before * after
    return Layer(weights * side**2, weights + bias * after, after * side**2)


def dense(before: int, after: int, *, bias: bool = True) -> Layer:
    """Return a dense layer."""
    return Layer(before * after, before * after + bias * after, after)


def batch_norm(width: int) -> Layer:
    """Return a batch norm; its outputs are counted with the layer before it."""
    return Layer(0, 2 * width, 0)


def total(layers: Iterable[Layer]) -> Layer:
    """Return the sum of layers."""
    layers = list(layers)
    return Layer(
        sum(layer.multiply_adds for layer in layers),
        sum(layer.weights for layer in layers),
        sum(layer.outputs for layer in layers),
    )
