"""The job that measures the fitness of a replicate's synthesizers, fold by fold."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core import seeds
from augtrial.core.io import write_table
from augtrial.core.names import FEATURES
from augtrial.fidelity.features import ClassifierFeatures
from augtrial.fidelity.fitness import COLUMNS, fitness_measures
from augtrial.imaging.training_set import Part, read_parts, read_samples
from augtrial.jobs.networks import load_classifier
from augtrial.training.device import limit_threads

KEYS = ["replicate", "fold", "synthesizer"]


def measure_fitness(
    *,
    replicate: str,
    folds: Sequence[int],
    synthesizers: Sequence[str],
    classes: Sequence[str],
    without: Mapping[int, Collection[str]],
    networks: Sequence[str],
    rois: Sequence[str],
    variants: Sequence[str],
    samples: Sequence[str],
    classifier: Mapping[str, Any],
    seed: int,
    table: str | Path,
) -> None:
    """Write the measures of fitness of each synthesizer, fold and class.

    `without` are the training lesions of each fold that neither its second synthesizers, which drew
    the `samples`, nor the classifier of its `networks` have seen. `rois` and `variants` come part
    by part, `samples` fold by fold, a file for each synthesizer.
    """
    limit_threads()
    parts = read_parts(rois, variants)
    files = np.reshape(samples, (len(folds), len(synthesizers))).tolist()
    tables = []
    for number, fold in enumerate(folds):
        training = parts[:number] + parts[number + 1 :]  # what the fold holds out is not looked at
        aside, size = set(without[fold]), parts[number].rois.shape[-1]
        network = load_classifier(
            networks[number], FEATURES, classifier, classes=classes, size=size
        )
        features = ClassifierFeatures(network)
        others = {lesion for part in training for lesion in part.lesion_ids} - aside
        seen, unseen = ([part.without(ids) for part in training] for ids in (aside, others))
        old, new = ({c: _rois(side, c) for c in classes} for side in (seen, unseen))
        for name, path in zip(synthesizers, files[number], strict=True):
            drawn = read_samples([path], [name])[name]
            chance = seeds.generator(seed, "fitness", replicate, fold, name)
            known = {c: _variants(seen, c, len(drawn[c]), chance) for c in classes}
            looked_at = {f"samples/{c}": drawn[c] for c in classes}
            looked_at |= {f"unseen/{c}": images for c, images in new.items()}
            predicted = {
                key: np.take(classes, features.predict_classes(images))
                for key, images in looked_at.items()
                if len(images)
            }
            rows = fitness_measures(drawn, old, new, known, features, predicted)
            key = dict(zip(KEYS, (replicate, fold, name), strict=True))
            tables.append(rows.assign(**key))
    write_table(table, pd.concat(tables).reindex(columns=KEYS + COLUMNS))


def _rois(parts: Sequence[Part], label: str) -> np.ndarray:
    """Return the ROIs of a class, uint8 [n, s, s]."""
    return np.concatenate([part.rois[np.array(part.labels, dtype=str) == label] for part in parts])


def _variants(
    parts: Sequence[Part], label: str, number: int, generator: np.random.Generator
) -> np.ndarray:
    """Return so many variants of a class, each of a random lesion: uint8 [number, s, s].

    A lesion without variants gives its ROI; where there is no lesion, there are no images.
    """
    lesions = [
        variants if len(variants) else roi[None]
        for part in parts
        for roi, variants, known in zip(part.rois, part.variants, part.labels, strict=True)
        if known == label
    ]
    if not lesions:
        return _rois(parts, label)
    chosen = [lesions[index] for index in generator.integers(len(lesions), size=number)]
    return np.stack([variants[generator.integers(len(variants))] for variants in chosen])
