"""The job that trains a synthesizer in one fold, and draws its samples."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.config.arms import Arm
from augtrial.config.cohort import ClassicSettings
from augtrial.core import seeds
from augtrial.core.io import file_hash, read_json, write_arrays, write_json, write_table
from augtrial.core.registry import synthesizers
from augtrial.core.replicate import Replicate
from augtrial.fidelity.diversity import DiversityWatch
from augtrial.imaging.context import Context, read_contexts
from augtrial.imaging.on_the_fly import OnlineVariants, variants_on
from augtrial.imaging.training_set import Part, assemble, leave_out, read_parts
from augtrial.synthesizers.base import TrainedNetwork
from augtrial.synthesizers.shared.fold import TrainedFold, draw_samples, load_networks, train_fold
from augtrial.training.checkpoints import CheckpointFolder, load_state, save_state
from augtrial.training.device import Device, training_device


def train_synthesizer(
    name: str,
    settings: Mapping[str, Any],
    *,
    rois: Sequence[str],
    variants: Sequence[str],
    contexts: Sequence[str],
    others: Sequence[str],
    classes: Sequence[str],
    on_the_fly: Mapping[str, Any] | None,
    samples: int,
    without: Collection[str] = (),
    seed: int,
    replicate: str,
    fold: str,
    device: str,
    precision: str,
    checkpoints: str,
    code: str,
    kind_code: str,
    workers: int,
    outputs: Mapping[str, str],
) -> None:
    """Train a synthesizer's networks on the training parts of a fold, and draw their samples.

    `settings` are at the replicate's share; `contexts` are read where variants are drawn
    `on_the_fly`, by these `ClassicSettings`; `others` are the files networks.pt of the synthesizers
    that it uses, of the same fold; `samples` images of each class are drawn. The second network, by
    which fitness is judged, is trained `without` some lesions, for as many updates.

    Raises:
        UserError: a training leads nowhere; it names the setting to change.
    """
    kind = synthesizers[settings["kind"]]
    values: Any = kind.Settings.model_validate(settings)
    parts = read_parts(rois, variants)
    lesions = [lesion for part in parts for lesion in part.lesion_ids]
    if without:
        parts, share = leave_out(parts, without)
        values = _for_fewer(values, share, len(lesions) / (len(lesions) - len(without)))
    learnt = assemble(
        Arm(classic=values.classic),
        parts,
        classes,
        seed=seed,
        replicate=Replicate.parse(replicate).number,
    )
    purpose = (name, replicate, fold, *(["fitness"] if without else []))
    size = learnt.images.shape[-1]
    cost = kind.cost(values, classes=len(classes), size=size)
    options = {"kind": kind.name, "multiply_adds": cost.multiply_adds}
    with training_device(device, precision, **options) as where:
        used = [list(map(file_hash, others)), on_the_fly, list(map(file_hash, contexts))]
        known = [context for path in contexts for context in read_contexts(path)]
        if without and known:
            known = [c for c, lesion in zip(known, lesions, strict=True) if lesion not in without]
        key = [list(classes), seed, code, kind_code, where.name, used]
        with CheckpointFolder(checkpoints, ".".join(["synthesizer", *purpose]), key) as folder:
            trained = train_fold(
                kind,
                values,
                learnt,
                synthesizer=name,
                classes=classes,
                variants_of=_variants_of(on_the_fly, known, size, seed, purpose, where),
                seed_of=partial(seeds.derive, seed, *purpose),
                device=where,
                checkpoints=folder,
                workers=workers,
                others={Path(path).parent.name: read_networks(path) for path in others},
                watch_of=partial(DiversityWatch, name, _rois_of(parts)),
            )
        seed_of = partial(seeds.derive, seed, "samples", *purpose)
        drawn = draw_samples(kind, trained.networks, samples, seed_of=seed_of, device=where)
        _write(trained, outputs)
        record: dict[str, Any] = {"settings": dict(settings), "synthesizer": name}
        record |= {"classes": list(classes), "replicate": replicate, "fold": fold, "seed": seed}
        record |= {"device": where.name, "size": size, "trained_on": list(learnt.lesion_ids)}
        write_json(outputs["record"], record)
    write_arrays(outputs["samples"], trained_on=np.array(sorted(learnt.lesion_ids)), **drawn)


def _for_fewer(values: Any, share: float, factor: float) -> Any:
    """Return the settings for the share of the variants, and so many times the epochs."""
    changed: dict[str, Any] = {}
    if isinstance(values.classic, int):
        changed["classic"] = int(values.classic * share)
    if not getattr(values, "updates", 0) and hasattr(values, "epochs"):
        changed["epochs"] = round(values.epochs * factor)
    return values.model_copy(update=changed)


def _rois_of(parts: Sequence[Part]) -> dict[str, np.ndarray]:
    """Return the ROIs of the training lesions by class, uint8 [n, s, s]."""
    images = np.concatenate([part.rois for part in parts])
    labels = np.array([label for part in parts for label in part.labels])
    return {str(label): images[labels == label] for label in np.unique(labels)}


def _variants_of(
    classic: Mapping[str, Any] | None,
    lesions: Sequence[Context],
    size: int,
    seed: int,
    purpose: tuple[str, ...],
    device: Device,
) -> Callable[[np.ndarray, str], OnlineVariants] | None:
    """Return what gives a network the variants of its lesions, where they are made on the fly."""
    if classic is None:
        return None

    def variants_of(index: np.ndarray, network: str) -> OnlineVariants:
        own = [lesions[number] for number in index]
        draw = seeds.derive(seed, "online", *purpose, network)
        return variants_on(device.torch, own, ClassicSettings(**classic), size, seed=draw)

    return variants_of


def _write(trained: TrainedFold, outputs: Mapping[str, str]) -> None:
    save_state(outputs["networks"], trained.state())
    # A history without rows has its first column all the same.
    columns = dict.fromkeys(["network", *(name for row in trained.history for name in row)])
    write_table(outputs["history"], pd.DataFrame(trained.history, columns=list(columns)))
    write_arrays(outputs["progress"], **trained.progress)


def read_networks(path: str | Path) -> dict[str, TrainedNetwork]:
    """Return the trained networks of a synthesizer in a fold by name, from networks.pt."""
    record = read_json(Path(path).with_name("networks.json"))
    kind = synthesizers[record["settings"]["kind"]]
    settings = kind.Settings.model_validate(record["settings"])
    classes, size = record["classes"], record["size"]
    return load_networks(kind, settings, load_state(path), classes=classes, size=size)
