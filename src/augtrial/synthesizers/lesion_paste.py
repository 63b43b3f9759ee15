"""Lesion paste: a training lesion, blended into the picture of another one.

Poisson blending (Perez et al., SIGGRAPH 2003) joins them without a seam. The lesion decides the
class; the surroundings are those of a lesion of any class.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from augtrial.config.types import Positive
from augtrial.core.errors import UserError
from augtrial.core.names import ONLINE
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from augtrial.synthesizers.untrained import (
    UntrainedSettings,
    UntrainedSynthesizer,
    choose,
    new_variants,
)

if TYPE_CHECKING:
    import torch

    from augtrial.synthesizers.shared.training import Untrained

RIM = 1 / 32  # of the picture's side: what comes along around a lesion, so that its border does


class LesionPasteSettings(UntrainedSettings):
    """Training lesions in the surroundings of others, by Poisson blending (Perez et al. 2003)."""

    kind: Literal["lesion_paste"] = Field("lesion_paste", description="The kind of synthesizer.")
    backgrounds: Positive = Field(
        8,
        description="Pictures of other lesions that are drawn at random for each image, of which "
        "the one that differs least around the lesion is taken.",
    )


@synthesizers.register
class LesionPaste(UntrainedSynthesizer):
    """A lesion of the class that is asked for, in the picture of a lesion of any class."""

    name, Settings = "lesion_paste", LesionPasteSettings
    conditions: ClassVar[tuple[str, ...]] = ("class",)

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield that stored variants do not tell where the lesion is."""
        if settings.classic != ONLINE:
            yield (
                "classic: it must know where the lesion is in each variant, which stored ones do "
                f"not tell; `online` is right (got {settings.classic})"
            )

    def training(self, data: TrainingData, settings: Any, **options: Any) -> "Untrained":
        """Return what it keeps: new variants of each lesion, and where the lesion is in them.

        Raises:
            UserError: a class has no lesion, or there is no second lesion for the surroundings.
        """
        from augtrial.synthesizers.shared.training import Untrained

        if len(set(data.lesions)) < 2:
            raise UserError("lesion_paste needs two training lesions in each fold, or more")
        for label, name in enumerate(data.classes):
            if label not in data.labels:
                raise UserError(f"lesion_paste: a fold has no training lesion of class '{name}'")
        return Untrained(**new_variants(data, settings.variants))

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return for each label a lesion of this class in the surroundings of another lesion."""
        import torch

        settings: Any = network.settings
        state = {name: values.numpy() for name, values in network.state.items()}
        shape = (len(labels), 1 + settings.backgrounds, 2)
        chances = torch.rand(shape, dtype=torch.float64, generator=generator).tolist()
        images = [_paste(state, label, *row) for label, row in zip(labels, chances, strict=True)]
        return np.reshape(images, (-1, network.size, network.size)).astype(np.uint8)

    def describe(self, settings: Any) -> str:
        """Return how the images are made."""
        return (
            "A lesion of the training folds (its mask, or the ellipse in its box) in the picture "
            "of another training lesion of any class, joined by Poisson blending (Perez et al. "
            "2003); the class of an image is that of the lesion. The blended region covers both "
            f"lesions and {100 * RIM:.0f} % of the image's side around them. Pictures are drawn "
            f"from {settings.variants} random classic variants of each lesion: first the lesion, "
            f"then its variant. Of {settings.backgrounds} pictures drawn as surroundings, the one "
            "that differs least around the region is taken. Nothing is trained."
        )


def _paste(
    state: Mapping[str, np.ndarray], label: int, own: Sequence[float], *others: Sequence[float]
) -> np.ndarray:
    """Return an image of this class; each two numbers in [0, 1) decide a picture.

    What is blended covers both lesions, so that nothing of the other one is left.
    """
    from augtrial.imaging.poisson import blend, misfit

    images, regions, lesions = state["images"], state["regions"], state["lesions"]
    source = choose(lesions, state["labels"] == label, own)
    found = []
    for chance in others:
        other = choose(lesions, lesions != lesions[source], chance)
        region = _with_rim(regions[source] | regions[other])
        found.append((misfit(images[source], images[other], region), other, region))
    _, background, region = min(found, key=lambda each: each[0])
    return blend(images[source], images[background], region)


def _with_rim(region: np.ndarray) -> np.ndarray:
    """Return a region with the tissue around it that is blended as well: bool [s, s]."""
    from scipy.ndimage import distance_transform_edt

    return distance_transform_edt(~region) <= max(1.0, RIM * len(region))
