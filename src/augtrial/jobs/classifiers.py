"""The job that trains the networks of a fold: those of its arms, and of its size curves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch

from augtrial.config.arms import Arm
from augtrial.config.classifier import Budget
from augtrial.config.cohort import ClassicSettings
from augtrial.core import seeds
from augtrial.core.io import file_hash, write_json, write_table
from augtrial.core.registry import tasks
from augtrial.core.replicate import Replicate
from augtrial.imaging.context import read_contexts
from augtrial.imaging.on_the_fly import OnlineVariants, variants_on
from augtrial.imaging.training_set import (
    TrainingSet,
    assemble,
    leave_out,
    read_parts,
    read_samples,
)
from augtrial.training.checkpoints import CheckpointFolder, save_state
from augtrial.training.device import Device, training_device
from augtrial.training.engine import train_all


def training_sets(
    trainings: Sequence[Mapping[str, Any]],
    *,
    rois: Sequence[str],
    variants: Sequence[str],
    samples: Mapping[str, str],
    transformed: Mapping[str, str],
    classes: Sequence[str],
    seed: int,
    replicate: str,
    without: Collection[str] = (),
) -> Iterator[TrainingSet]:
    """Yield the training set of each network of a fold, from its training parts alone.

    `trainings` have the `name` and `recipe` of each network (`JobParams.trainings`); `rois` and
    `variants` are of the training parts. `samples` says of its files whose images each holds,
    `transformed` whose arm each is for, part by part. Lesions that are left out take their share of
    the variants with them.
    """
    parts = read_parts(rois, variants)
    parts, share = leave_out(parts, without) if without else (parts, 1.0)
    images = read_samples(list(samples), list(samples.values()))
    for training in trainings:
        arm = Arm.model_validate(training["recipe"])
        if isinstance(arm.classic, int):
            arm = arm.model_copy(update={"classic": int(arm.classic * share)})
        yield assemble(
            arm,
            parts,
            classes,
            seed=seed,
            replicate=Replicate.parse(replicate).number,
            samples=images,
            transformed=[path for path, arm in transformed.items() if arm == training["name"]],
        )


def train_classifiers(
    trainings: Sequence[Mapping[str, Any]],
    *,
    task: str,
    settings: Mapping[str, Any],
    contexts: Sequence[str],
    classes: Sequence[str],
    size: int,
    seed: int,
    replicate: str,
    fold: str,
    device: str,
    precision: str,
    checkpoints: str,
    code: str,
    user_code: str,
    workers: int,
    outputs: Mapping[str, str],
    without: Collection[str] = (),
    **files: Any,
) -> None:
    """Train the networks of a fold on its training parts, and write what they are.

    `contexts` are read where variants are drawn on the fly, `files` by `training_sets`. A network
    `without` some lesions gives the features by which fitness is judged.
    """
    judged = tasks[task]
    values = judged.settings(settings)
    work = judged.cost(values, classes=len(classes), size=size).multiply_adds
    files |= {"seed": seed, "replicate": replicate, "without": without}
    sets: Any = partial(training_sets, classes=classes, **files)
    purpose = ".".join(["classifiers", replicate, fold, *(["fitness"] if without else [])])
    images: dict[str, dict[str, int]] = {}
    lesions: list[str] = []

    def make(training: Mapping[str, Any], where: Device, folder: CheckpointFolder) -> Any:
        (learnt,) = sets([training])
        images[training["name"]] = pd.Series(learnt.sources).value_counts().to_dict()
        lesions[:] = learnt.lesion_ids
        recipe, classic = _recipe(training, contexts), training["on_the_fly"]
        return judged.training(
            learnt,
            values,
            Budget(**training["budget"]),
            classes=classes,
            # The same weights to begin with in every arm: arms differ in images alone.
            seed=seeds.derive(seed, "classifier", replicate, fold),
            device=where,
            on_the_fly=_on_the_fly(classic, contexts, size, seed, (replicate, fold), where),
            checkpoint=folder.checkpoint(training["name"], recipe, learnt.images, learnt.labels),
            eval_updates=training["eval_updates"],
        )

    with training_device(device, precision, kind=values.kind, multiply_adds=work) as where:
        # What decides a network, whatever else the job trains; its images are in the key as well.
        key = [task, dict(settings), list(classes), size, seed, code, user_code, where.name]
        key += map(file_hash, judged.files(values))
        with CheckpointFolder(checkpoints, purpose, key) as folder:
            makers = [partial(make, training, where, folder) for training in trainings]
            _write(trainings, train_all(makers, where, workers=workers), images, outputs)
        record: dict[str, Any] = {"task": task, "settings": dict(settings), "images": images}
        record |= {"replicate": replicate, "fold": fold, "seed": seed, "device": where.name}
        record |= {"trainings": list(trainings), "classes": list(classes), "trained_on": lesions}
        write_json(outputs["record"], record)


def _recipe(training: Mapping[str, Any], contexts: Sequence[str]) -> list[dict[str, Any]]:
    """Return what decides a network beside its images; on the fly it learns from the contexts."""
    recipe = [{key: value for key, value in training.items() if key != "name"}]
    if training["on_the_fly"]:
        recipe.append({"contexts": list(map(file_hash, contexts))})
    return recipe


def _on_the_fly(
    classic: Mapping[str, Any] | None,
    contexts: Sequence[str],
    size: int,
    seed: int,
    where: tuple[str, str],
    device: Device,
) -> OnlineVariants | None:
    """Return the variants that are drawn anew in every batch, where a network asks for them."""
    if classic is None:
        return None
    lesions = [context for path in contexts for context in read_contexts(path)]
    draw = seeds.derive(seed, "online", *where)
    return variants_on(device.torch, lesions, ClassicSettings(**classic), size, seed=draw)


def _write(
    trainings: Sequence[Mapping[str, Any]],
    trained: Iterator[Any],
    images: Mapping[str, Mapping[str, int]],
    outputs: Mapping[str, str],
) -> None:
    """Write all networks of a fold as one state dict, and their histories."""
    state: dict[str, torch.Tensor] = {}
    rows: list[dict[str, Any]] = []
    for training, network in zip(trainings, trained, strict=True):
        name = training["name"]
        for variant, weights in network.networks(name).items():
            state |= {f"{variant}/{key}": value for key, value in weights.items()}
        arm, _, size = name.partition(":")
        named = {"curve": arm, "size": size} if size else {"arm": arm}
        rows += [named | row for row in network.history]
        print(f"{name}: {images[name]}, loss {network.history[-1]['loss']:.3f}")
        print(f"trained {network.updates} updates in {network.seconds:.2f} s")
    save_state(outputs["networks"], state)
    columns = ["arm", "curve", "size", "update", "epoch", "loss", "accuracy"]
    write_table(outputs["history"], pd.DataFrame(rows, columns=columns))
