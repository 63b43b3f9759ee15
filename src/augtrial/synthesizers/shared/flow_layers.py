"""The layers of the flow's network and what they cost, without PyTorch."""

from collections.abc import Sequence
from itertools import pairwise

from augtrial.core.cost import Layer, convolution, dense

TOP = 16  # side of the first level's maps
GROUP = 16  # feature maps that are normalised together: fewer do not fill a vector of a CPU


def network_layers(channels: Sequence[int], *, classes: int, size: int) -> list[Layer]:
    """Return the layers of `flow_network.FlowNetwork` for images of this side."""
    first, last, condition = channels[0], channels[-1], 4 * channels[0]
    depth, sides = (size // TOP) ** 2, [TOP // 2**level for level in range(len(channels))]
    layers = [convolution(depth, first, 3, TOP, bias=True)]
    layers += [dense(first, condition), dense(condition, condition)]
    layers += [Layer(0, (classes + 1) * condition, condition)]
    for before, after, side in zip([first, *channels[:-1]], channels, sides, strict=True):
        layers += residual_block(before, after, condition, side)
    layers += attention(last, sides[-1]) + residual_block(last, last, condition, sides[-1])
    rising = pairwise([last, *reversed(channels)])
    for (before, after), side in zip(rising, reversed(sides), strict=True):
        layers += residual_block(before + after, after, condition, side)
    return [*layers, group_norm(first), convolution(first, depth, 3, TOP, bias=True)]


def residual_block(before: int, after: int, condition: int, side: int) -> list[Layer]:
    """Return the layers of `flow_network.ResidualBlock`."""
    layers = [group_norm(before), convolution(before, after, 3, side, bias=True)]
    layers += [dense(condition, 2 * after), group_norm(after)]
    layers += [convolution(after, after, 3, side, bias=True)]
    return layers + ([convolution(before, after, 1, side, bias=True)] if before != after else [])


def attention(width: int, side: int) -> list[Layer]:
    """Return the layers of `flow_network.Attention`."""
    products = Layer(2 * side**4 * width, 0, side**4)
    project = convolution(width, 3 * width, 1, side, bias=True)
    return [group_norm(width), project, products, convolution(width, width, 1, side, bias=True)]


def group_norm(width: int) -> Layer:
    """Return a group norm; its outputs are counted with the layer before it."""
    return Layer(0, 2 * width, 0)
