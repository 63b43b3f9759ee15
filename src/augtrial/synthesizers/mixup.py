"""Mixup: the weighted mean of pictures of two training lesions of one class.

Zhang et al. 2018 (arXiv 1710.09412) mix labels as well; both lesions are of one class here, so that
its label holds for the mean.
"""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from augtrial.config.types import Rate
from augtrial.core.errors import UserError
from augtrial.core.names import ONLINE
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from augtrial.synthesizers.untrained import (
    UntrainedSettings,
    UntrainedSynthesizer,
    choose,
    lesion_numbers,
    new_variants,
)

if TYPE_CHECKING:
    import torch

    from augtrial.synthesizers.shared.training import Untrained


class MixupSettings(UntrainedSettings):
    """Means of two training lesions of a class (Zhang et al. 2018)."""

    kind: Literal["mixup"] = Field("mixup", description="The kind of synthesizer.")
    alpha: Rate = Field(
        0.4,
        description="The weight is from Beta(alpha, alpha): the smaller, the nearer is an image to "
        "one of its two pictures; 1: all weights are as likely.",
    )


@synthesizers.register
class Mixup(UntrainedSynthesizer):
    """Two lesions of a class, one shining through the other."""

    name, Settings = "mixup", MixupSettings

    def training(self, data: TrainingData, settings: Any, **options: Any) -> "Untrained":
        """Return what it keeps: pictures of each lesion of its class.

        Raises:
            UserError: the class has no lesion.
        """
        from augtrial.synthesizers.shared.training import Untrained

        if not len(data.images):
            raise UserError(f"mixup: a fold has no training lesion of class '{data.classes[0]}'")
        if settings.classic != ONLINE:
            return Untrained(images=data.images, lesions=lesion_numbers(data))
        variants = new_variants(data, settings.variants)
        return Untrained(images=variants["images"], lesions=variants["lesions"])

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return means of two lesions; of two pictures of one, where the class has no second."""
        import torch
        from scipy.special import betaincinv

        settings: Any = network.settings
        images, lesions = (network.state[name].numpy() for name in ("images", "lesions"))
        chances = torch.rand(len(labels), 5, dtype=torch.float64, generator=generator).numpy()
        weights = betaincinv(settings.alpha, settings.alpha, chances[:, 4])
        drawn = np.empty((len(labels), network.size, network.size), np.uint8)
        for number, (chance, weight) in enumerate(zip(chances, weights, strict=True)):
            first = choose(lesions, lesions >= 0, chance[:2])
            others = lesions != lesions[first]
            second = choose(lesions, others if others.any() else ~others, chance[2:4])
            drawn[number] = np.rint(weight * images[first] + (1 - weight) * images[second])
        return drawn

    def describe(self, settings: Any) -> str:
        """Return how the images are made."""
        pictures = f"{settings.variants} random classic variants of each lesion"
        if settings.classic != ONLINE:
            pictures = f"the lesions' ROIs and {settings.classic:,} classic variants per fold"
        return (
            "The weighted mean of the pictures of two lesions of one class of the training folds "
            f"(mixup, Zhang et al. 2018), with a weight from Beta({settings.alpha:g}, "
            f"{settings.alpha:g}); the label is that of both. The pictures are drawn from "
            f"{pictures}: first the lesion, then its picture. Nothing is trained."
        )
