"""The interface of the synthesizers: what each kind defines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from augtrial.config.synthesizers import SynthesizerSettings
from augtrial.core.cost import Cost
from augtrial.core.names import ONLINE

if TYPE_CHECKING:
    import torch

    from augtrial.imaging.on_the_fly import OnlineVariants
    from augtrial.training.checkpoints import Checkpoint
    from augtrial.training.device import Device

ALL = "all"  # the network that draws all classes
SAMPLES_PANEL: Mapping[str, Mapping[str, str]] = {  # of what is drawn at each snapshot
    "Samples": {"near_duplicates": "near-duplicates", "coverage": "coverage"}
}


@dataclass(frozen=True)
class TrainedNetwork:
    """All that one trained network needs to draw: its state dict, on the CPU, and its settings.

    `classes` are those that it draws, in the order of its labels; `size` is its images' side.
    """

    state: Mapping[str, "torch.Tensor"]
    settings: SynthesizerSettings
    classes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class TrainingData:
    """What one network of a synthesizer learns from: the training lesions of one fold.

    `images` are uint8 [n, s, s]; `labels` [n] are places in `classes`, the classes that the network
    is to draw; `lesions` [n] name the lesion of each image. With `classic: online` the images are
    the lesions' ROIs alone, and `on_the_fly` makes new variants of them. `others` are the same
    fold's trained networks of the synthesizers that it uses, by synthesizer and network.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    lesions: tuple[str, ...] = ()
    on_the_fly: "OnlineVariants | None" = None
    others: Mapping[str, Mapping[str, TrainedNetwork]] = field(default_factory=dict)


class Synthesizer:
    """One kind of synthesizer.

    `name` is its kind in a config; `Settings` a model with `kind: Literal[name]`. `conditions` are
    the inputs of a network for the image that it draws: with "class" one network draws all classes,
    without it each class has a network. `history` are the panels of its loss figure: title ->
    column of the training's history -> what the line is called.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[SynthesizerSettings]]
    conditions: ClassVar[tuple[str, ...]] = ()
    history: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @property
    def is_joint(self) -> bool:
        """Whether one network draws all classes."""
        return "class" in self.conditions

    def networks(self, classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the networks of a fold by name, and the classes that each draws."""
        if self.is_joint:
            return {ALL: tuple(classes)}
        return {label: (label,) for label in classes}

    def uses(self, settings: Any) -> Sequence[str]:
        """Return the names of the study's synthesizers whose trained networks it is given."""
        return ()

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield what of its settings does not fit images of this side: "key: what is wrong"."""
        return ()

    def training(
        self,
        data: TrainingData,
        settings: Any,
        *,
        seed: int,
        device: "Device",
        checkpoint: "Checkpoint | None" = None,
    ) -> Any:
        """Return the training of one network, which continues from the checkpoint if it can.

        It is a `shared.training.RecordedTraining`; one that trains nothing returns `Untrained` of
        the same module, with what it keeps of the data.
        """
        raise NotImplementedError

    def sample(
        self,
        network: TrainedNetwork,
        labels: np.ndarray,
        generator: "torch.Generator",
        *,
        device: "torch.device | str" = "cpu",
    ) -> np.ndarray:
        """Return an image uint8 [s, s] for each label [n], a place in the network's classes.

        A smaller sample is the beginning of a larger one: image i depends only on the generator
        and its label.
        """
        raise NotImplementedError

    def updates(self, settings: Any, images: int) -> int:
        """Return how many updates one network's training on so many images has."""
        raise NotImplementedError

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of one network that draws so many classes, images of this side."""
        raise NotImplementedError

    def describe(self, settings: Any) -> str:
        """Return how it is built and trained, in sentences for a methods section."""
        raise NotImplementedError


def images_learnt(settings: Any) -> str:
    """Return what a network learns from, in words for a methods section."""
    if settings.classic == ONLINE:
        return "a new random variant of a training lesion for each image of a batch"
    return f"the ROIs and {settings.classic:,} classic variants per fold of the training folds"
