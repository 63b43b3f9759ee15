"""What the training and the predictions of a classifier ask of its network."""

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A classifier of size x size images of one channel.

    `mean` [1, 1, s, s] is the training mean, a buffer, so that a state dict predicts by itself.
    `memory_format` is that of its weights. `draws_itself` says that a step draws from PyTorch's
    global generators (dropout, stochastic depth), which are then seeded before each step.
    """

    mean: Tensor
    memory_format = torch.channels_last  # a third quicker on a CPU, by another sum order
    draws_itself = False

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, 1, size, size))

    def draw_masks(self, count: int, seed: int, update: int) -> tuple[Tensor, ...]:
        """Return the masks of an update's batch that `forward` takes, on the CPU; here none."""
        return ()

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return class scores [n, classes] and the features [n, d] that they are made of."""
        raise NotImplementedError

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Return class scores [n, classes] before the softmax, of images [n, 1, s, s] in [0, 1]."""
        raise NotImplementedError
