"""The flow's network: noised images, times and classes to clean images.

A U-Net (Ronneberger et al. 2015) of residual blocks, which time and class scale and shift (FiLM,
Perez et al. 2018). Pixels become depth first, so that its first level has 16x16 maps whatever the
side of the images.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial.synthesizers.shared.flow_layers import GROUP, TOP


class FlowNetwork(nn.Module):
    """Noised images [n, 1, s, s] to clean ones in [-1, 1]; s is a multiple of 16."""

    def __init__(self, *, classes: int, channels: Sequence[int], size: int) -> None:
        super().__init__()
        first, last, width = channels[0], channels[-1], 4 * channels[0]
        self.classes, self.factor = classes, size // TOP
        self.time = TimeEmbedding(first, width)
        self.label = nn.Embedding(classes + 1, width)  # the last stands for any class
        self.first = nn.Conv2d(self.factor**2, first, 3, padding=1)
        self.down = nn.ModuleList(
            ResidualBlock(before, after, width)
            for before, after in zip([first, *channels[:-1]], channels, strict=True)
        )
        self.attention = Attention(last)
        self.middle = ResidualBlock(last, last, width)
        rising = list(reversed(channels))
        self.up = nn.ModuleList(
            ResidualBlock(before + after, after, width)
            for before, after in pairwise([last, *rising])
        )
        self.norm = group_norm(first)
        self.last = nn.Conv2d(first, self.factor**2, 3, padding=1)

    def forward(self, noised: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """Return the clean images; times [n] are in [0, 1], labels [n] are classes or `classes`."""
        condition = F.silu(self.time(times) + self.label(labels))
        x, skipped = self.first(F.pixel_unshuffle(noised, self.factor)), []
        for level, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if level else x, condition)
            skipped.append(x)
        x = self.middle(self.attention(x), condition)
        for level, block in enumerate(self.up):
            x = F.interpolate(x, scale_factor=2) if level else x
            x = block(torch.cat([x, skipped.pop()], dim=1), condition)
        return F.pixel_shuffle(self.last(F.silu(self.norm(x))), self.factor)

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw the weights as PyTorch does, but from a generator; biases are zero.

        So is the output at first. The embedding of the classes is small beside that of the time.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, math.sqrt(5), generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.label.weight, 0.0, 0.02, generator=generator)
        nn.init.zeros_(self.last.weight)


class TimeEmbedding(nn.Module):
    """Times [n] in [0, 1] to [n, width]: waves of many lengths, and two dense layers."""

    frequencies: Tensor

    def __init__(self, waves: int, width: int) -> None:
        super().__init__()
        shares = torch.arange(waves // 2) / (waves // 2)
        self.register_buffer("frequencies", 1000 * 10000**-shares, persistent=False)
        self.layers = nn.Sequential(nn.Linear(waves, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, times: Tensor) -> Tensor:
        """Return the embedding."""
        angles = times[:, None] * self.frequencies
        return self.layers(torch.cat([angles.cos(), angles.sin()], dim=1))


class ResidualBlock(nn.Module):
    """Maps [n, before, s, s] to [n, after, s, s]; the condition scales and shifts the second norm.

    He et al. 2016, with the norms before the convolutions.
    """

    def __init__(self, before: int, after: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([group_norm(before), group_norm(after)])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width, after, 3, padding=1) for width in (before, after)
        )
        self.film = nn.Linear(condition, 2 * after)
        self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        """Return the maps."""
        x = self.convolutions[0](F.silu(self.norms[0](maps)))
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, dim=1)
        x = self.norms[1](x) * (1 + scale) + shift
        return self.skip(maps) + self.convolutions[1](F.silu(x))


class Attention(nn.Module):
    """Maps [n, width, s, s] to the same, where each place looks at all others (one head)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = group_norm(width)
        self.project = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps."""
        query, key, value = self.project(self.norm(maps)).flatten(2).chunk(3, dim=1)
        scores = query.transpose(1, 2) @ key / math.sqrt(query.shape[1])
        seen = value @ scores.softmax(dim=2).transpose(1, 2)
        return maps + self.out(seen.reshape(maps.shape))


def group_norm(width: int) -> nn.GroupNorm:
    """Return the norm of so many feature maps, in groups of `GROUP`."""
    return nn.GroupNorm(width // GROUP, width)
