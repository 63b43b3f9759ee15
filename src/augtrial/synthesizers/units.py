"""The units of a synthesizer: a DCGAN is one network pair a class, an ACGAN one for all.

A unit's tensors stand in the state dict under its name: "cyst.generator...", "all.generator...".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from augtrial.checkpoints import Checkpoint
from augtrial.device import Device
from augtrial.engine import train_all
from augtrial.synthesizers.adversarial import PairTraining
from augtrial.trainingset import TrainingSet

if TYPE_CHECKING:
    from augtrial.settings import AcganSettings, DcganSettings

ALL = "all"  # the unit that learns all classes


@dataclass
class Trained:
    """What the training of a synthesizer leaves behind.

    `progress` holds the `epochs` [k] and, for each class, `images/<class>` uint8
    [k, examples, s, s] of fixed latents at these epochs.
    """

    state: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float | str]] = field(default_factory=list)
    progress: dict[str, np.ndarray] = field(default_factory=dict)


def is_joint(settings: "DcganSettings | AcganSettings") -> bool:
    """Return whether one network learns all classes."""
    return settings.network == "acgan"


def units_of(settings: "DcganSettings | AcganSettings", learns: Sequence[str]) -> list[str]:
    """Return the units that learn these classes."""
    return [ALL] if is_joint(settings) else list(learns)


def unit_images(
    learnt: TrainingSet, unit: str, classes: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a unit learns from: images uint8 [n, s, s] and its own class indices [n]."""
    if unit == ALL:
        return learnt.images, learnt.labels
    images = learnt.images[learnt.labels == classes.index(unit)]
    return images, np.zeros(len(images), np.int64)


def train_units(
    learnt: TrainingSet,
    settings: "DcganSettings | AcganSettings",
    *,
    learns: Sequence[str],
    classes: Sequence[str],
    seed_of: Callable[[str], int],
    device: Device,
    checkpoint_of: Callable[..., Checkpoint],
) -> Trained:
    """Train a synthesizer on one fold's training images.

    Args:
        learnt: the images, of all classes.
        settings: networks and optimiser.
        learns: the classes to learn; all of them for an ACGAN.
        classes: all classes.
        seed_of: the seed of a unit by its name.
        device: where to train.
        checkpoint_of: the checkpoint of a unit by its name, images and labels.
    """
    joint = is_joint(settings)
    units = units_of(settings, learns)

    def trainings() -> Iterator[PairTraining]:
        for unit in units:
            images, labels = unit_images(learnt, unit, classes)
            yield PairTraining(
                images,
                labels,
                settings,
                classes=len(classes) if joint else 1,
                seed=seed_of(unit),
                device=device,
                checkpoint=checkpoint_of(unit, images, labels),
            )

    trained = Trained()
    for unit, training in zip(units, train_all(trainings(), device), strict=True):
        state = training.pair.state_dict()
        trained.state |= {f"{unit}.{name}": value for name, value in state.items()}
        trained.history += [{"unit": unit, **row} for row in training.history]
        trained.progress["epochs"] = np.array(training.epochs)
        images = torch.stack(training.snapshots).numpy()
        for index, label in enumerate(classes if joint else [unit]):
            trained.progress[f"images/{label}"] = images[:, index]
        print(f"{unit}: {len(training.pixels)} images, {device.name}")
        print(f"trained {settings.epochs} epochs in {training.seconds:.2f} s")
    return trained
