"""The DCGAN's generator and discriminator.

Radford et al. 2016 (arXiv 1511.06434): a dense layer to 4x4 maps, then fractionally-strided
convolutions that double the side, or nearest-neighbour upsampling before ordinary ones (Odena et
al. 2016, Distill); the discriminator halves it with strided convolutions.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from augtrial.synthesizers.shared.layers import FromImage, ToImage, UpsampledConv


class Generator(nn.Module):
    """z [n, latent] to images [n, 1, s, s] in [-1, 1], s = 4 x 2^(number of channels)."""

    def __init__(
        self,
        *,
        latent: int,
        channels: Sequence[int],
        kernel: int,
        upsampling: str = "transposed",
    ) -> None:
        """Build it; `upsampling` is transposed (fractionally-strided convolutions) or nearest."""
        super().__init__()
        is_nearest = upsampling == "nearest"
        self.channels = tuple(channels)
        self.project = nn.Linear(latent, 16 * channels[0], bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(channels[0]), nn.ReLU()]
        for before, after in itertools.pairwise(channels):
            up: nn.Module
            if is_nearest:
                up = UpsampledConv(before, after, kernel, bias=False)
            else:
                up = nn.ConvTranspose2d(before, after, kernel, 2, kernel // 2, 1, bias=False)
            layers += [up, nn.BatchNorm2d(after), nn.ReLU()]
        last = channels[-1]
        image = UpsampledConv(last, 1, kernel, bias=True) if is_nearest else ToImage(last, kernel)
        self.layers = nn.Sequential(*layers, image, nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images [n, 1, s, s] in [-1, 1]; a DCGAN has one class and reads no labels."""
        return self.layers(self.project(z).view(-1, self.channels[0], 4, 4))


class Discriminator(nn.Module):
    """Images [n, 1, s, s] in [-1, 1] to scores [n] before the sigmoid."""

    def __init__(self, *, channels: Sequence[int], kernel: int, batch_norm: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = [FromImage(channels[0], kernel), nn.LeakyReLU(0.2)]
        for before, after in itertools.pairwise(channels):
            down = nn.Conv2d(before, after, kernel, 2, kernel // 2, bias=False)
            norm = [nn.BatchNorm2d(after)] if batch_norm else []
            layers += [down, *norm, nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.source = nn.Linear(16 * channels[-1], 1)

    def draw_masks(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return the dropout masks of a batch: none."""
        return ()

    def forward(
        self, images: Tensor, masks: Sequence[Tensor] = (), labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the scores of being real [n], and no class scores; it reads no labels."""
        return self.source(self.layers(images).flatten(1)).squeeze(1), None
