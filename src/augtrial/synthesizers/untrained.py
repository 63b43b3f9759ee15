"""What synthesizers without training share: the pictures that they keep, and how they choose."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.config.types import Count, Positive
from augtrial.core.cost import Cost
from augtrial.synthesizers.base import Synthesizer, TrainingData


class UntrainedSettings(SynthesizerSettings):
    """Pictures of the training lesions, from which new ones are made without training."""

    classic: Count | Literal["online"] = Field(
        "online",
        description="`online`: new random variants of each training lesion, as many as `variants`; "
        "or the number of stored classic variants per fold that it uses, beside the ROIs.",
    )
    variants: Positive = Field(
        16,
        description="New variants of each training lesion that it keeps, with `classic: online`.",
    )


class UntrainedSynthesizer(Synthesizer):
    """A synthesizer that makes new pictures from those that it keeps."""

    def updates(self, settings: Any, images: int) -> int:
        """Return none."""
        return 0

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return nothing: no network is trained."""
        return Cost(0, 0, 0)


def lesion_numbers(data: TrainingData) -> np.ndarray:
    """Return the lesion of each training image as a number [n]."""
    return np.unique(data.lesions, return_inverse=True)[1]


def new_variants(data: TrainingData, number: int) -> dict[str, np.ndarray]:
    """Return so many new variants of each training lesion, those of an update one after the other.

    They are `images` uint8 [m, s, s]; `regions` bool, the lesion alone; `labels` [m]; and `lesions`
    [m], which number the lesion of each.
    """
    assert data.on_the_fly is not None, "new variants are there with classic: online alone"
    index = np.arange(len(data.images))
    drawn = [data.on_the_fly.images_and_regions(index, update) for update in range(number)]
    images, regions = (np.concatenate(arrays) for arrays in zip(*drawn, strict=True))
    labels, lesions = np.tile(data.labels, number), np.tile(lesion_numbers(data), number)
    return {"images": images, "regions": regions, "labels": labels, "lesions": lesions}


def choose(lesions: np.ndarray, allowed: np.ndarray, chance: Sequence[float]) -> int:
    """Return one of the allowed pictures: a lesion at random, then one of its pictures.

    A lesion with many pictures is therefore not chosen more often than others. `lesions` [n] number
    the lesion of each picture, `allowed` is bool [n], and `chance` are two numbers in [0, 1).
    """
    found = np.unique(lesions[allowed])
    lesion = found[int(chance[0] * len(found))]
    pictures = np.flatnonzero(allowed & (lesions == lesion))
    return int(pictures[int(chance[1] * len(pictures))])
