"""The CNN that is judged: its layers and its predictions.

Frid-Adar et al. 2018, section 2.3: three 3x3 convolutions with max-pooling, a dense layer with
dropout, softmax. "About 1.3 M parameters" fits valid (unpadded) convolutions: 1,273,347.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial import seeds
from augtrial.compiled import has_numba

if TYPE_CHECKING:
    from augtrial.settings import ClassifierSettings


class Classifier(nn.Module):
    """The paper's CNN for size x size images, with every width a setting.

    Weights are Glorot-uniform and biases zero (not stated in the paper). The training mean is a
    buffer, so that a state dict predicts by itself.
    """

    def __init__(
        self,
        *,
        classes: int,
        size: int = 64,
        channels: Sequence[int] = (32, 64, 128),
        dense: int = 256,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        """Build the layers; `generator` draws the weights."""
        super().__init__()
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(1, 1, size, size))
        widths = [1, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3) for before, after in itertools.pairwise(widths)
        )
        side = size
        for _ in channels:
            side = (side - 2) // 2
        self.dense = nn.Linear(channels[-1] * side * side, dense)
        self.head = nn.Linear(dense, classes)
        for layer in [*self.convolutions, self.dense, self.head]:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, images: Tensor) -> Tensor:
        """Return the dense layer's output [n, dense] for images [n, 1, s, s] in [0, 1]."""
        x = images - self.mean
        for convolution in self.convolutions:
            x = _convolve_and_pool(x, convolution)
        return F.relu(self.dense(x.flatten(1)))

    def forward(self, images: Tensor, kept: Tensor | None = None) -> Tensor:
        """Return class scores [n, classes] before the softmax.

        Args:
            images: [n, 1, s, s] in [0, 1].
            kept: while training, the dropout mask [n, dense] of zeros and ones.
        """
        x = self.features(images)
        if kept is not None:
            x = x * kept / (1 - self.dropout)
        return self.head(x)


def _convolve_and_pool(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    if x.device.type == "cpu" and has_numba():
        from augtrial import pooling

        if pooling.has_loops(x, convolution):
            return pooling.convolve_and_pool(x, convolution)
    return F.relu(F.max_pool2d(convolution(x), 2))  # the two commute; this order is quicker


def build_classifier(
    settings: "ClassifierSettings", *, classes: int, size: int, seed: int | None = None
) -> Classifier:
    """Return the network of these settings; `seed` draws its weights."""
    return Classifier(
        classes=classes,
        size=size,
        channels=settings.channels,
        dense=settings.dense,
        dropout=settings.dropout,
        generator=None if seed is None else seeds.torch_generator(seed, "weights"),
    )


@torch.no_grad()
def predict(network: Classifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities [n, classes] and features [n, dense] of uint8 images [n, s, s].

    Each image is predicted in a batch of a fixed size, so that its numbers do not depend on
    which other images were asked for.
    """
    batch, device = 64, network.mean.device
    probabilities, features = [], []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.zeros((batch, *images.shape[1:]), np.uint8)
        padded[: len(part)] = part
        x = network.features(torch.from_numpy(padded)[:, None].to(device).float() / 255)
        scores = F.softmax(network.head(x).double(), dim=1)
        probabilities.append(scores[: len(part)].cpu().numpy())
        features.append(x[: len(part)].cpu().numpy())
    return np.concatenate(probabilities), np.concatenate(features)


def stop_name(recipe: str, stop: int) -> str:
    """Return under which name the network of a stop stands beside its recipe's."""
    return f"{recipe}@{stop}"


def recipe_and_stop(name: str) -> tuple[str, int | None]:
    """Return the recipe of a network's name and its stop; None for the end of its training."""
    recipe, _, stop = name.partition("@")
    return recipe, int(stop) if stop else None


def load_classifiers(
    state: Mapping[str, Tensor], settings: "ClassifierSettings", *, classes: int, size: int
) -> dict[str, Classifier]:
    """Return the networks of a state dict by name; its keys read "<name>/<parameter>".

    A name is a recipe's, or that of a stop (see `stop_name`).
    """
    networks: dict[str, Classifier] = {}
    for name in dict.fromkeys(key.split("/")[0] for key in state):
        own = {k.split("/", 1)[1]: v for k, v in state.items() if k.split("/")[0] == name}
        networks[name] = build_classifier(settings, classes=classes, size=size)
        networks[name].load_state_dict(own)
    return networks
