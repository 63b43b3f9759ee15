"""The trainings of the recipes on seen lesions: until a mark of core-seconds, and on from there."""

import time
from typing import Any

import numpy as np

from augtrial.core import seeds
from augtrial.core.registry import synthesizers
from augtrial.imaging.on_the_fly import variants_on
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from benchmarks.synthesis.cohorts import Lesions, cohort, split, variants
from benchmarks.synthesis.recipes import ONLINE, Recipe

WARM_UP = 20  # updates before a rate is measured
TIMING = 5.0  # core-seconds of that, at most


def training_data(recipe: Recipe, name: str, seed: int, classes: tuple[str, ...]) -> TrainingData:
    """Return what a network learns from: the seen lesions of its classes, and no others."""
    whole, parts = cohort(name), split(name, seed)
    seen = parts.seen.select(np.isin(parts.seen.labels, classes))
    assert not set(seen.patients) & set(parts.unseen.patients), "unseen patients in a training"
    labels = np.array([classes.index(label) for label in seen.labels], np.int64)
    if recipe.variants == ONLINE:
        draw = seeds.derive(seed, "online", recipe.name, *classes)
        size = whole.roi.size
        online = variants_on(_cpu(), seen.contexts, whole.classic, size, seed=draw)
        return TrainingData(seen.images, labels, classes, tuple(seen.ids), online)
    images, index = _with_fixed_variants(seen, name, seed)
    return TrainingData(images, labels[index], classes, tuple(seen.ids[index]))


def _cpu() -> Any:
    import torch

    return torch.device("cpu")


def _with_fixed_variants(seen: Lesions, name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ROIs and their share of the fold's variants, and the lesion of each image."""
    whole = cohort(name)
    each = round(whole.source.fixed / len(split(name, seed).seen))
    drawn = variants(seen, each, whole.classic, whole.roi.size, seed=seed, name="fixed")
    images = np.concatenate([seen.images, drawn.reshape(-1, *drawn.shape[2:])])
    index = np.arange(len(seen))
    return images, np.concatenate([index, np.repeat(index, each)])


def begin(
    recipe: Recipe,
    name: str,
    seed: int,
    classes: tuple[str, ...],
    device: Device,
    *,
    updates: int = 0,
    checkpoint: Checkpoint | None = None,
) -> Any:
    """Return the training of one network, from its checkpoint if there is one.

    `updates` is where a scheduled training ends.
    """
    settings = recipe.settings(cohort(name))
    if updates:
        settings = settings.model_copy(update={"updates": updates})
    data = training_data(recipe, name, seed, classes)
    options = {"seed": seeds.derive(seed, recipe.name, *classes), "device": device}
    return synthesizers[recipe.kind].training(data, settings, checkpoint=checkpoint, **options)


def train_until(training: Any, seconds: float) -> None:
    """Train until the process has spent so many core-seconds on it, or to its end.

    `training.seconds` counts core-seconds here. What is noted after an update is left out: the
    engine's figures are not what is measured.
    """
    while training.seconds < seconds and training.update < training.updates:
        start = time.process_time()
        inputs = training.sample_inputs(training.update)
        training.seed_step(training.update)
        training.step(*inputs)
        training.update += 1
        training.seconds += time.process_time() - start


def updates_within(training: Any, seconds: float) -> int:
    """Return how many updates of this kind so many core-seconds are, at least two."""
    training.updates = WARM_UP
    train_until(training, seconds)
    spent, done, training.updates = training.seconds, training.update, 10**9
    train_until(training, spent + min(TIMING, seconds / 10))
    rate = (training.update - done) / (training.seconds - spent)
    return max(2, int(rate * seconds))


def network_of(
    training: Any, recipe: Recipe, name: str, classes: tuple[str, ...], weights: str
) -> TrainedNetwork:
    """Return the network as it now is, which draws with these weights; the training goes on."""
    whole = cohort(name)
    settings = recipe.settings(whole)
    if "weights" in type(settings).model_fields:
        settings = settings.model_copy(update={"weights": weights})
    state = {key: value.detach().clone() for key, value in training.state_dict().items()}
    return TrainedNetwork(state, settings, classes, whole.roi.size)


def pasted(
    flow: TrainedNetwork, recipe: Recipe, name: str, seed: int, device: Device
) -> TrainedNetwork:
    """Return the network of a paste that this flow refines; the paste costs no training."""
    from benchmarks.synthesis.recipes import BY_NAME

    paste = BY_NAME["lesion-paste"]
    kept = begin(paste, name, seed, flow.classes, device)
    other = network_of(kept, paste, name, flow.classes, "none")
    settings = recipe.settings(cohort(name))
    others = {settings.paste: {"all": other}, settings.flow: {"all": flow}}
    lesions = training_data(paste, name, seed, flow.classes)
    data = TrainingData(lesions.images, lesions.labels, flow.classes, lesions.lesions, None, others)
    training = synthesizers[recipe.kind].training(data, settings, seed=seed, device=device)
    return network_of(training, recipe, name, flow.classes, "averaged")
