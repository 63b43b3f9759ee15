"""A generator whose batch norm, and a discriminator whose score, depend on the class.

De Vries et al. 2017 (arXiv 1707.00683); Miyato & Koyama 2018 (arXiv 1802.05637).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial.synthesizers.shared import networks


class ClassBatchNorm(nn.BatchNorm2d):
    """Batch norm of maps [n, c, s, s] with a scale and a shift for each class, 1 and 0 at first."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__(width, affine=False)
        self.scales = nn.Parameter(torch.ones(classes, width))
        self.shifts = nn.Parameter(torch.zeros(classes, width))

    def of_classes(self, maps: Tensor, labels: Tensor) -> Tensor:
        """Return the normalised maps, scaled and shifted by their class indices [n]."""
        scale, shift = (F.embedding(labels, each) for each in (self.scales, self.shifts))
        return self(maps) * scale[:, :, None, None] + shift[:, :, None, None]


class Generator(networks.Generator):
    """z [n, latent] and class indices [n] to images [n, 1, s, s] in [-1, 1]."""

    def __init__(self, *, classes: int, **options: Any) -> None:
        """Build it; the options are those of the DCGAN's."""
        super().__init__(**options)
        for place, layer in enumerate(self.layers):
            if isinstance(layer, nn.BatchNorm2d):
                self.layers[place] = ClassBatchNorm(classes, layer.num_features)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images [n, 1, s, s] in [-1, 1]."""
        assert labels is not None, "this generator is to be told the classes"
        x = self.project(z).view(-1, self.channels[0], 4, 4)
        for layer in self.layers:
            x = layer.of_classes(x, labels) if isinstance(layer, ClassBatchNorm) else layer(x)
        return x


class Discriminator(networks.Discriminator):
    """Images [n, 1, s, s] and class indices [n] to scores [n]: real, and of that class."""

    def __init__(self, *, classes: int, channels: Sequence[int], **options: Any) -> None:
        """Build it; the options are those of the DCGAN's."""
        super().__init__(channels=channels, **options)
        self.projection = nn.Linear(16 * channels[-1], classes, bias=False)

    def forward(
        self, images: Tensor, masks: Sequence[Tensor] = (), labels: Tensor | None = None
    ) -> tuple[Tensor, None]:
        """Return the sum of a score of all images and one of the class's, and no class scores."""
        assert labels is not None, "this discriminator is to be told the classes"
        x = self.layers(images).flatten(1)
        of_class = self.projection(x).gather(1, labels[:, None])
        return (self.source(x) + of_class).squeeze(1), None
