"""Variants on the fly: in every batch, each lesion is shown as a new variant."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from augtrial.config.cohort import ClassicSettings
from augtrial.core import seeds
from augtrial.imaging.affine_augmentation import Variant, apply_variant, sample_variant
from augtrial.imaging.context import Context
from augtrial.imaging.resampler_torch import Pictures


class OnlineVariants:
    """New variants of the lesions behind a training set's first images, resampled on the CPU."""

    def __init__(
        self, contexts: Sequence[Context], settings: ClassicSettings, size: int, *, seed: int
    ) -> None:
        """Keep the lesions' surroundings in memory; `seed` decides the variants' parameters."""
        self.contexts, self.settings, self.size, self.seed = list(contexts), settings, size, seed

    def sample(self, chosen: np.ndarray, update: int) -> dict[int, Variant]:
        """Return position in the batch -> a new variant, for the images that show a lesion.

        `chosen` [n] holds the batch's indices into the training set; only the first images of the
        set, one per context, show a lesion.
        """
        generator = seeds.generator(self.seed, "online", update)
        return {
            position: sample_variant(self.contexts[image].diameter, self.settings, generator)
            for position, image in enumerate(chosen)
            if image < len(self.contexts)
        }

    def sample_inputs(self, chosen: np.ndarray, update: int) -> tuple[Tensor, ...]:
        """Return the inputs of `insert`: which images are replaced, bool [n], and by what."""
        images = np.zeros((len(chosen), self.size, self.size), np.uint8)
        for position, variant in self.sample(chosen, update).items():
            images[position] = apply_variant(self.contexts[chosen[position]], variant, self.size)
        return torch.from_numpy(chosen < len(self.contexts)), torch.from_numpy(images)

    def images_and_regions(self, chosen: np.ndarray, update: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a new variant of each chosen lesion, uint8 [n, s, s], and it alone, bool."""
        images = np.zeros((len(chosen), self.size, self.size), np.uint8)
        regions = np.zeros(images.shape, bool)
        for position, variant in self.sample(chosen, update).items():
            context = self.contexts[chosen[position]]
            alone = replace(context, pixels=context.region.astype(np.float32))
            images[position] = apply_variant(context, variant, self.size)
            regions[position] = apply_variant(alone, variant, self.size) > 127
        return images, regions

    def insert(self, batch: Tensor, *inputs: Tensor) -> Tensor:
        """Return the batch [n, 1, s, s] in [0, 1], with the new variants in place of their ROIs."""
        replaced, images = inputs
        return torch.where(replaced[:, None, None, None], images[:, None].float() / 255, batch)


class DeviceVariants(OnlineVariants):
    """The same variants, resampled on the device: no image is stored or copied to it."""

    def __init__(
        self,
        contexts: Sequence[Context],
        settings: ClassicSettings,
        size: int,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        super().__init__(contexts, settings, size, seed=seed)
        margin = settings.scale_range[1]
        self.pictures = Pictures(self.contexts, size, margin=margin, device=device)

    def sample_inputs(self, chosen: np.ndarray, update: int) -> tuple[Tensor, ...]:
        """Return the inputs of `insert`: which images are replaced, by which lesions and maps."""
        replaced = chosen < len(self.contexts)
        lesions, maps = np.where(replaced, chosen, 0), np.zeros((len(chosen), 2, 3), np.float32)
        for position, variant in self.sample(chosen, update).items():
            frame = variant.frame(self.contexts[chosen[position]].frame)
            maps[position] = frame.matrix(self.size)
        return torch.from_numpy(replaced), torch.from_numpy(lesions), torch.from_numpy(maps)

    def insert(self, batch: Tensor, *inputs: Tensor) -> Tensor:
        """Return the batch [n, 1, s, s] in [0, 1], with the new variants in place of their ROIs."""
        replaced, lesions, maps = inputs
        variants = self.pictures.resample(lesions, maps)
        return torch.where(replaced[:, None, None, None], variants, batch)


def variants_on(
    device: torch.device,
    contexts: Sequence[Context],
    settings: ClassicSettings,
    size: int,
    *,
    seed: int,
) -> OnlineVariants:
    """Return the variants on the fly of these lesions, resampled where the network trains."""
    if device.type == "cuda":
        return DeviceVariants(contexts, settings, size, seed=seed, device=device)
    return OnlineVariants(contexts, settings, size, seed=seed)
