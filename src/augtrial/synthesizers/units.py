"""The units of a synthesizer: a DCGAN is one network pair a class, an ACGAN one for all.

A unit's tensors stand in the state dict under its name: "cyst.generator...", "all.generator...".
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor, nn

from augtrial.settings import AcganSettings, DcganSettings
from augtrial.synthesizers.adversarial import build_pair, train_pair
from augtrial.training import Checkpoint, Device
from augtrial.trainingset import TrainingSet

ALL = "all"


@dataclass
class Trained:
    """What the training of a synthesizer leaves behind.

    `progress` holds the `epochs` [k] and, for each class, `images/<class>` uint8
    [k, examples, s, s] of fixed latents at these epochs.
    """

    state: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float | str]] = field(default_factory=list)
    progress: dict[str, np.ndarray] = field(default_factory=dict)


def is_joint(settings: DcganSettings | AcganSettings) -> bool:
    """Return whether one network learns all classes."""
    return settings.network == "acgan"


def train_units(
    learnt: TrainingSet,
    settings: DcganSettings | AcganSettings,
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
    trained = Trained()
    joint = is_joint(settings)
    for unit in [ALL] if joint else learns:
        own = slice(None) if joint else learnt.labels == classes.index(unit)
        images = learnt.images[own]
        labels = learnt.labels if joint else np.zeros(len(images), np.int64)
        begin = time.perf_counter()
        pair, rows, snapshots = train_pair(
            images,
            labels,
            settings,
            classes=len(classes) if joint else 1,
            seed=seed_of(unit),
            device=device,
            checkpoint=checkpoint_of(unit, images, labels),
        )
        trained.state |= {f"{unit}.{name}": value for name, value in pair.state_dict().items()}
        trained.history += [{"unit": unit, **row} for row in rows]
        trained.progress["epochs"] = snapshots["epochs"]
        for index, label in enumerate(classes if joint else [unit]):
            trained.progress[f"images/{label}"] = snapshots["images"][:, index]
        took = time.perf_counter() - begin
        print(f"{unit}: {len(images)} images, {device.name}")
        print(f"trained {settings.epochs} epochs in {took:.2f} s")
    return trained


def load_generator(
    state: Mapping[str, Tensor],
    label: str,
    settings: DcganSettings | AcganSettings,
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
