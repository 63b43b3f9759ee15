"""The exponential moving average of a network on its way: it draws with less noise than the last.

Source: Yazici et al., arXiv 1806.04498, for generators; a decay that grows at the beginning
forgets the first weights.
"""

import copy

import torch
from torch import Tensor, nn

DECAY = 0.99654  # at most: half of the average comes from the last 200 updates


def averaged_copy(network: nn.Module) -> nn.Module:
    """Return a copy to average in: in evaluation mode, without gradients."""
    return copy.deepcopy(network).eval().requires_grad_(False)


def average_decay(update: int) -> Tensor:
    """Return the decay after an update, from 0 on: min(0.99654, (1 + n) / (10 + n))."""
    return torch.tensor(min(DECAY, (1 + update) / (10 + update)))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: Tensor) -> None:
    """Move an average towards a network by 1 - decay: weights and batch-norm statistics."""
    states = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    for mean, value in states:
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
