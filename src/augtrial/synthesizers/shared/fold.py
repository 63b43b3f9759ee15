"""A synthesizer in one fold: its networks are trained, and draw their samples.

A network's tensors stand in the state dict under its name: "cyst/generator...", "all/generator...".
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from augtrial.core import seeds
from augtrial.imaging.training_set import TrainingSet
from augtrial.synthesizers.base import Synthesizer, TrainedNetwork, TrainingData
from augtrial.synthesizers.shared.training import RecordedTraining, Watch
from augtrial.training.checkpoints import CheckpointFolder
from augtrial.training.device import Device
from augtrial.training.engine import train_all

if TYPE_CHECKING:
    from augtrial.imaging.on_the_fly import OnlineVariants


@dataclass
class TrainedFold:
    """What the training of a synthesizer in a fold leaves behind.

    `progress` holds the `updates` [k] and, for each class, `images/<class>` uint8
    [k, examples, s, s] of fixed latents after these updates.
    """

    networks: dict[str, TrainedNetwork] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    progress: dict[str, np.ndarray] = field(default_factory=dict)

    def state(self) -> dict[str, Tensor]:
        """Return the state dict of all networks."""
        return {
            f"{name}/{key}": value
            for name, network in self.networks.items()
            for key, value in network.state.items()
        }


def train_fold(
    kind: Synthesizer,
    settings: Any,
    learnt: TrainingSet,
    *,
    synthesizer: str,
    classes: Sequence[str],
    variants_of: "Callable[[np.ndarray, str], OnlineVariants] | None" = None,
    seed_of: Callable[[str], int],
    device: Device,
    checkpoints: CheckpointFolder,
    workers: int = 1,
    others: Mapping[str, Mapping[str, TrainedNetwork]] | None = None,
    watch_of: Callable[[Sequence[str]], Watch] | None = None,
) -> TrainedFold:
    """Train the networks of a synthesizer on one fold's training images, of all classes.

    `synthesizer` is its name in the study; `seed_of` gives the seed of a network by its name;
    `workers` of them train at the same time on a CPU; `others` are the trained networks of the
    synthesizers that it uses. With `classic: online`, `variants_of` gives the variants of some of
    the images for a network by its name. `watch_of` gives what looks at the snapshots of a network,
    by the classes that it draws.

    Raises:
        UserError: a training leads nowhere (`RecordedTraining.record`).
    """
    names = kind.networks(classes)

    def make(name: str) -> Any:
        labels = names[name]
        places = np.array([labels.index(c) if c in labels else -1 for c in classes])[learnt.labels]
        drawn = places >= 0
        data = TrainingData(
            learnt.images[drawn],
            places[drawn],
            labels,
            lesions=tuple(itertools.compress(learnt.image_lesions, drawn)),
            on_the_fly=variants_of(np.flatnonzero(drawn), name) if variants_of else None,
            others=others or {},
        )
        recipe = settings.model_dump(exclude={"samples"})
        kept = checkpoints.checkpoint(name, recipe, data.images, data.labels)
        options: Any = {"seed": seed_of(name), "device": device, "checkpoint": kept}
        training: RecordedTraining = kind.training(data, settings, **options)
        training.synthesizer, training.network_name = synthesizer, name
        training.watch = watch_of(labels) if watch_of else None
        return training

    trained, size = TrainedFold(), learnt.images.shape[-1]
    makers = [partial(make, name) for name in names]
    for name, training in zip(names, train_all(makers, device, workers=workers), strict=True):
        state = {key: value.detach().cpu() for key, value in training.state_dict().items()}
        trained.networks[name] = TrainedNetwork(state, settings, names[name], size)
        trained.history += [{"network": name, **row} for row in training.history]
        if training.snapshots:
            trained.progress["updates"] = np.array(training.snapshot_updates)
            images = torch.stack(training.snapshots).numpy()
            for number, label in enumerate(names[name]):
                trained.progress[f"images/{label}"] = images[:, number]
        index = [classes.index(label) for label in names[name]]
        print(f"{name}: {np.isin(learnt.labels, index).sum()} images, {device.name}")
        print(f"trained {training.updates} updates in {training.seconds:.2f} s")
    return trained


def load_networks(
    kind: Synthesizer,
    settings: Any,
    state: Mapping[str, Tensor],
    *,
    classes: Sequence[str],
    size: int,
) -> dict[str, TrainedNetwork]:
    """Return the networks of a fold by name, from the state dict of all."""
    networks = {}
    for name, labels in kind.networks(classes).items():
        part = {k.split("/", 1)[1]: v for k, v in state.items() if k.split("/")[0] == name}
        networks[name] = TrainedNetwork(part, settings, labels, size)
    return networks


def draw_samples(
    kind: Synthesizer,
    networks: Mapping[str, TrainedNetwork],
    number: int,
    *,
    seed_of: Callable[[str], int],
    device: Device,
) -> dict[str, np.ndarray]:
    """Return so many images of each class, drawn in float32: `images/<class>` uint8 [number, s, s].

    500 samples are the head of 1000. `seed_of` gives the seed of a class's samples by its name.
    """
    drawn = {}
    for network in networks.values():
        for index, label in enumerate(network.classes):
            labels = np.full(number, index)
            chance = seeds.torch_generator(seed_of(label), "latent")
            sampled = np.asarray(kind.sample(network, labels, chance, device=device.torch))
            right = (number, network.size, network.size)
            if sampled.dtype != np.uint8 or sampled.shape != right:
                raise TypeError(
                    f"synthesizer {kind.name}: `sample` gives {sampled.dtype} "
                    f"{list(sampled.shape)}; uint8 {list(right)} is right"
                )
            drawn[f"images/{label}"] = sampled
    return drawn
