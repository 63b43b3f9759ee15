"""The units of a synthesizer: a DCGAN is one network pair a class, an ACGAN one for all.

A unit's tensors stand in the state dict under its name: "cyst.generator...", "all.generator...".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from augtrial.checkpoints import Checkpoint
from augtrial.device import Device
from augtrial.engine import train_all
from augtrial.synthesizers.adversarial import PairTraining, build_pair
from augtrial.synthesizers.samples import draw_samples
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


def load_generator(
    state: Mapping[str, Tensor],
    label: str,
    settings: "DcganSettings | AcganSettings",
    *,
    classes: Sequence[str],
    size: int,
) -> tuple[nn.Module, int]:
    """Return the generator that draws a class, and the index by which it knows that class."""
    joint = is_joint(settings)
    unit = ALL if joint else label
    pair = build_pair(settings, classes=len(classes) if joint else 1, size=size)
    own = {k.removeprefix(f"{unit}."): v for k, v in state.items() if k.startswith(f"{unit}.")}
    pair.load_state_dict(own)
    return pair.generator, classes.index(label) if joint else 0


def draw_units(
    state: Mapping[str, Tensor],
    settings: "DcganSettings | AcganSettings",
    number: int,
    *,
    learns: Sequence[str],
    classes: Sequence[str],
    size: int,
    seed_of: Callable[[str], int],
    device: Device,
) -> dict[str, np.ndarray]:
    """Return so many images of each class learnt: `images/<class>` uint8 [number, s, s].

    Args:
        state: what `train_units` left.
        settings: networks.
        number: images of each class.
        learns: the classes to draw.
        classes: all classes.
        size: side of the images.
        seed_of: the seed of a class's samples by its name.
        device: where to draw them, in float32.
    """
    drawn = {}
    for label in learns:
        generator, index = load_generator(state, label, settings, classes=classes, size=size)
        drawn[f"images/{label}"] = draw_samples(
            generator,
            number,
            latent=settings.latent,
            label=index,
            seed=seed_of(label),
            device=device.torch,
        )
    return drawn
