"""The paper's CNN: its layers and its predictions.

Frid-Adar et al. 2018, section 2.3: three 3x3 convolutions with max-pooling, a dense layer with
dropout, softmax. "About 1.3 M parameters" fits valid (unpadded) convolutions: 1,273,347.
"""

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial.core import seeds
from augtrial.tasks.classification.interface import Network
from augtrial.training.kernels.pooling import convolve_and_pool


class Classifier(Network):
    """The paper's CNN for size x size images, with every width a setting.

    Weights are Glorot-uniform and biases zero (not stated in the paper).
    """

    def __init__(
        self,
        *,
        classes: int,
        size: int = 64,
        channels: Sequence[int] = (32, 64, 128),
        hidden_units: int = 256,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        """Build the layers; `generator` draws the weights."""
        super().__init__(size=size)
        self.dropout = dropout
        widths = itertools.pairwise([1, *channels])
        self.convolutions = nn.ModuleList(nn.Conv2d(*width, 3) for width in widths)
        side = size
        for _ in channels:
            side = (side - 2) // 2
        self.dense = nn.Linear(channels[-1] * side * side, hidden_units)
        self.head = nn.Linear(hidden_units, classes)
        for layer in [*self.convolutions, self.dense, self.head]:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def draw_masks(self, count: int, seed: int, update: int) -> tuple[Tensor, ...]:
        """Return an update's dropout mask [count, hidden units] of zeros and ones."""
        return (_dropout_mask(count, self.dense.out_features, self.dropout, seed, update),)

    def features(self, images: Tensor) -> Tensor:
        """Return the dense layer's output [n, hidden units] for images [n, 1, s, s] in [0, 1]."""
        x = images - self.mean
        for convolution in self.convolutions:
            x = convolve_and_pool(x, convolution)
        return F.relu(self.dense(x.flatten(1)))

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return class scores [n, classes] and features [n, hidden units], without dropout."""
        features = self.features(images)
        return self.head(features), features

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Return class scores [n, classes]; `masks` is that of dropout while training."""
        x = self.features(images)
        for mask in masks:
            x = x * mask / (1 - self.dropout)
        return self.head(x)


@torch.no_grad()
def predict(network: Network, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities [n, classes] and features [n, d] of uint8 images [n, s, s].

    The network is in eval mode afterwards. Each image is predicted in a batch of a fixed size, so
    that its numbers do not depend on which other images were asked for.
    """
    network.eval()
    batch, device = 64, network.mean.device
    probabilities, features = [], []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.zeros((batch, *images.shape[1:]), np.uint8)
        padded[: len(part)] = part
        pixels = torch.from_numpy(padded)[:, None].to(device).float() / 255
        scores, x = network.scores_and_features(pixels)
        probabilities.append(F.softmax(scores.double(), dim=1)[: len(part)].cpu().numpy())
        features.append(x[: len(part)].cpu().numpy())
    return np.concatenate(probabilities), np.concatenate(features)


@lru_cache(maxsize=128)
def _dropout_mask(images: int, hidden_units: int, dropout: float, seed: int, update: int) -> Tensor:
    """Return an update's mask [images, hidden units]; the arms of a fold have the same ones."""
    mask = torch.empty(images, hidden_units)
    return mask.bernoulli_(1 - dropout, generator=seeds.torch_generator(seed, "drop", update))
