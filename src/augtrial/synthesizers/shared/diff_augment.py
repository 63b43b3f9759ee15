"""Differentiable augmentation of all that a discriminator sees, so that it cannot learn by heart.

Zhao et al. 2020 (arXiv 2006.10738), whose ranges these are. The generator learns through it, and
draws images that are not augmented. There is no brightness, since it would change HU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def _shift(images: Tensor, chance: Tensor) -> Tensor:
    """Return images moved by up to an eighth of their side each way, with 0 where they were."""
    side = images.shape[-1]
    place = torch.arange(side, device=images.device)
    offsets = ((2 * chance - 1) * (side / 8)).round()
    moved = (place[:, None] - place)[None, None] == offsets[:, :, None, None]  # [n, 2, s, s]
    rows, columns = moved.to(images.dtype).split(1, dim=1)
    return rows @ images @ columns.mT


def _cutout(images: Tensor, chance: Tensor) -> Tensor:
    """Return images with 0 in a square of half their side, anywhere; an edge may cut it."""
    side = images.shape[-1]
    place = torch.arange(side, device=images.device)
    first = (chance * (side + 1)).floor()[:, :, None] - side // 4
    rows, columns = ((place >= first) & (place < first + side // 2)).split(1, dim=1)  # [n, 1, s]
    return images.masked_fill(rows[..., None] & columns[:, :, None], 0)


def _contrast(images: Tensor, chance: Tensor) -> Tensor:
    """Return images of half to one and a half times their contrast, around their own mean."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + chance[:, :1, None, None])


AUGMENTATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "shift": _shift,
    "cutout": _cutout,
    "contrast": _contrast,
}


class DiffAugment(nn.Module):
    """A discriminator that sees augmented images [n, 1, s, s].

    Of each augmentation chance [n, 2] in [0, 1) decides, before the network's own masks.
    """

    def __init__(self, discriminator: nn.Module, names: Sequence[str]) -> None:
        """Augment by these of `AUGMENTATIONS`, in their order."""
        super().__init__()
        self.discriminator, self.names = discriminator, tuple(names)

    def draw_masks(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Return what chance decides in a pass of a batch."""
        drawn = tuple(torch.rand(count, 2, generator=generator) for _ in self.names)
        network: Any = self.discriminator
        return drawn + network.draw_masks(count, generator)

    def forward(
        self, images: Tensor, masks: Sequence[Tensor] = (), labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the network's scores of the augmented images; without masks, of the images."""
        number = len(self.names)
        images = self.augment(images, masks[:number])
        return self.discriminator(images, masks[number:], labels)

    def augment(self, images: Tensor, chance: Sequence[Tensor]) -> Tensor:
        """Return the augmented images, or the same without chance."""
        for name, drawn in zip(self.names, chance, strict=False):
            images = AUGMENTATIONS[name](images, drawn)
        return images
