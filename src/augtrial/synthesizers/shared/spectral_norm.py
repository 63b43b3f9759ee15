"""Spectral norm: a layer's weight divided by its largest singular value.

Miyato et al. 2018 (arXiv 1802.05957). PyTorch's own draws its vectors from global chance, and its
products fail under autocast.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize


class SpectralNorm(nn.Module):
    """A weight [a, ...], as a matrix of a rows, to the same of spectral norm 1.

    Each pass in training does one step of the power method, from the `u` [a] of the pass before.
    """

    u: Tensor

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.register_buffer("u", torch.ones(rows))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight divided by its norm, in its own precision."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                v = F.normalize(self.u @ matrix, dim=0)
                u = F.normalize(matrix @ v, dim=0)
                if self.training:
                    self.u.copy_(u)
            return weight / torch.dot(u, matrix @ v)


def add_spectral_norm(network: nn.Module) -> None:
    """Give each dense and convolutional layer of a network spectral norm."""
    for module in list(network.modules()):
        if isinstance(module, nn.Linear | nn.Conv2d):
            norm = SpectralNorm(len(module.weight))
            parametrize.register_parametrization(module, "weight", norm)


def raw_weight(layer: nn.Module) -> Tensor:
    """Return the weight of a layer that is trained: before its spectral norm, if it has one."""
    if parametrize.is_parametrized(layer, "weight"):
        return layer.parametrizations.weight.original  # type: ignore[union-attr, return-value]
    return layer.weight  # type: ignore[return-value]
