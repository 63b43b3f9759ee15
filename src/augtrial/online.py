"""Variants on the fly: lesions that show another variant of themselves at every draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from augtrial import seeds
from augtrial.classic import Variant, sample_variant
from augtrial.device_resampler import Pictures
from augtrial.resampler import cut
from augtrial.roi import Context, to_bytes

if TYPE_CHECKING:
    from augtrial.device import Device
    from augtrial.settings import ClassicSettings


class OnlineVariants:
    """New variants of the lesions behind a training set's first images; cut on the CPU."""

    def __init__(
        self, contexts: Sequence[Context], settings: "ClassicSettings", size: int, *, seed: int
    ) -> None:
        """Keep the lesions' surroundings in memory; `seed` draws the parameters."""
        self.contexts, self.settings, self.size, self.seed = list(contexts), settings, size, seed

    def sample(self, chosen: np.ndarray, update: int) -> dict[int, Variant]:
        """Return place -> variant for those of a batch's images [n] that show a lesion."""
        generator = seeds.generator(self.seed, "online", update)
        return {
            place: sample_variant(self.contexts[image].diameter, self.settings, generator)
            for place, image in enumerate(chosen)
            if image < len(self.contexts)
        }

    def draws(self, chosen: np.ndarray, update: int) -> tuple[Tensor, ...]:
        """Return what `show` needs: the batch's places of lesions, and their new images."""
        images = np.zeros((len(chosen), self.size, self.size), np.uint8)
        variants = self.sample(chosen, update)
        for place, variant in variants.items():
            context = self.contexts[chosen[place]]
            square = variant.square(context.square)
            images[place] = to_bytes(cut(context.pixels, square, self.size))
        shown = torch.zeros(len(chosen), dtype=torch.bool)
        shown[list(variants)] = True
        return shown, torch.from_numpy(images)

    def show(self, batch: Tensor, shown: Tensor, images: Tensor) -> Tensor:
        """Return the batch [n, 1, s, s] in [0, 1] with the new images in their places."""
        return torch.where(shown[:, None, None, None], images[:, None].float() / 255, batch)


class DeviceVariants(OnlineVariants):
    """The same variants, cut on the device: no image of them is held in memory or carried."""

    def __init__(
        self,
        contexts: Sequence[Context],
        settings: "ClassicSettings",
        size: int,
        *,
        seed: int,
        device: "Device",
    ) -> None:
        """Carry the lesions' surroundings to the device."""
        super().__init__(contexts, settings, size, seed=seed)
        margin = settings.scale_range[1]
        self.pictures = Pictures(self.contexts, size, margin=margin, device=device.torch)

    def draws(self, chosen: np.ndarray, update: int) -> tuple[Tensor, ...]:
        """Return what `show` needs: the batch's places of lesions, the lesions and their maps."""
        lesions, maps = np.zeros(len(chosen), np.int64), np.zeros((len(chosen), 2, 3), np.float32)
        shown = np.zeros(len(chosen), np.bool_)
        for place, variant in self.sample(chosen, update).items():
            square = variant.square(self.contexts[chosen[place]].square)
            lesions[place], maps[place] = chosen[place], square.matrix(self.size)
            shown[place] = True
        return torch.from_numpy(shown), torch.from_numpy(lesions), torch.from_numpy(maps)

    def show(self, batch: Tensor, shown: Tensor, *where: Tensor) -> Tensor:
        """Return the batch [n, 1, s, s] in [0, 1] with the new images in their places."""
        return torch.where(shown[:, None, None, None], self.pictures.cut(*where), batch)


def variants_on(device: "Device", *what: Any, **options: Any) -> OnlineVariants:
    """Return variants on the fly for a device; what they are given is that of `OnlineVariants`."""
    if device.is_gpu:
        return DeviceVariants(*what, **options, device=device)
    return OnlineVariants(*what, **options)
