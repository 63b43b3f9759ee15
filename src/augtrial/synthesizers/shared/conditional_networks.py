"""The ACGAN's generator and discriminators, for all classes at once (see `synthesizers.acgan`)."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial.synthesizers.shared import networks


class Generator(nn.Module):
    """z [n, latent] and class indices [n] to images [n, 1, s, s] in [-1, 1].

    The class embedding is as long as z and multiplied with it, or of length `embedding` (not 0) and
    concatenated.
    """

    def __init__(self, *, classes: int, latent: int, embedding: int, **options: Any) -> None:
        """Build it; the options are those of the DCGAN's."""
        super().__init__()
        self.is_product = embedding == 0
        self.embedding = nn.Embedding(classes, embedding or latent)
        self.body = networks.Generator(latent=latent + embedding, **options)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return images [n, 1, s, s] in [-1, 1]."""
        embedded = self.embedding(labels)
        return self.body(z * embedded if self.is_product else torch.cat([z, embedded], dim=1))


class Discriminator(networks.Discriminator):
    """Images [n, 1, s, s] to source scores [n] and class scores [n, classes]."""

    def __init__(self, *, classes: int, channels: Sequence[int], **options: Any) -> None:
        """Build it; the options are those of the DCGAN's."""
        super().__init__(channels=channels, **options)
        self.auxiliary = nn.Linear(16 * channels[-1], classes)

    def forward(
        self, images: Tensor, masks: Sequence[Tensor] = (), labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return source scores [n] and class scores [n, classes], before sigmoid and softmax."""
        x = self.layers(images).flatten(1)
        return self.source(x).squeeze(1), self.auxiliary(x)


class OdenaDiscriminator(nn.Module):
    """Odena's own: six 3x3 convolutions, a stride of 2 in every odd one, dropout 0.5.

    For 64x64 images its maps end at 8x8 (Odena et al. 2017, appendix A, for 32x32: 4x4).
    """

    def __init__(self, *, classes: int, size: int) -> None:
        super().__init__()
        widths = [1, 16, 32, 64, 128, 256, 512]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2 - index % 2, padding=1, bias=index == 0)
            for index, (before, after) in enumerate(itertools.pairwise(widths))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[2:])
        halves = [2 ** (1 + index // 2) for index in range(6)]
        self.shapes = [(w, size // h, size // h) for w, h in zip(widths[1:], halves, strict=True)]
        maps = math.prod(self.shapes[-1])
        self.source = nn.Linear(maps, 1)
        self.auxiliary = nn.Linear(maps, classes)

    def draw_masks(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return the dropout masks of a batch, bool [count, c, s, s] for each convolution."""
        return tuple(_coins((count, *shape), generator) for shape in self.shapes)

    def forward(
        self, images: Tensor, masks: Sequence[Tensor] = (), labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return source and class scores; `masks` are those of dropout while training."""
        x = images
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if index:
                x = self.norms[index - 1](x)
            x = F.leaky_relu(x, 0.2)
            if masks:
                x = x * masks[index] * 2
        x = x.flatten(1)
        return self.source(x).squeeze(1), self.auxiliary(x)


def _coins(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Return fair coins, bool of this shape: the bits of random bytes, since there are millions."""
    number = math.prod(shape)
    drawn = torch.randint(256, (math.ceil(number / 8),), dtype=torch.uint8, generator=generator)
    coins = np.unpackbits(drawn.numpy(), count=number).reshape(shape)
    return torch.from_numpy(coins).bool()
