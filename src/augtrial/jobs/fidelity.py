"""The jobs of fidelity: appraise a replicate's synthetic images, and gather all appraisals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core import seeds
from augtrial.core.io import read_table, write_arrays, write_table
from augtrial.fidelity.appraisal import (
    COLUMNS,
    RealLesions,
    adjust,
    appraise,
    measure_unit,
    summarise,
)
from augtrial.fidelity.features import ClassifierFeatures, TorchvisionFeatures
from augtrial.imaging.training_set import read_parts, read_samples
from augtrial.jobs.networks import load_classifier
from augtrial.training.device import limit_threads

KEYS = ["replicate", "fold", "synthesizer"]


def appraise_samples(
    *,
    replicate: str,
    folds: Sequence[int],
    synthesizers: Sequence[str],
    classes: Sequence[str],
    arm: str,
    networks: Sequence[str],
    rois: Sequence[str],
    variants: Sequence[str],
    samples: Sequence[str],
    images: int,
    classifier: Mapping[str, Any],
    weights: str | None,
    architecture: str,
    seed: int,
    table: str | Path,
    pairs: str | Path,
) -> None:
    """Write the measures of a replicate's synthetic images and the closest pairs of its first fold.

    `networks` hold the classifier of `arm`, a file for each fold; it gives the features. `rois` and
    `variants` are of the lesions that each fold holds out, `samples` come fold by fold, a file for
    each synthesizer; of each class `images` are appraised. Where `weights` of a torchvision network
    are given, they add its features.
    """
    limit_threads()
    parts = read_parts(rois, variants)
    lesions = [RealLesions.from_part(part.rois, part.variants, part.labels) for part in parts]
    elsewhere = [TorchvisionFeatures(weights, architecture)] if weights else []
    files = np.reshape(samples, (len(folds), len(synthesizers))).tolist()
    tables, pictures = [], dict[str, np.ndarray]()
    for number, (fold, held_out) in enumerate(zip(folds, lesions, strict=True)):
        training = RealLesions.concatenate(lesions[:number] + lesions[number + 1 :])
        size = held_out.rois.shape[-1]
        network = load_classifier(networks[number], arm, classifier, classes=classes, size=size)
        features = ClassifierFeatures(network)
        for name, path in zip(synthesizers, files[number], strict=True):
            drawn = read_samples([path], [name])[name]
            drawn = {label: drawn[label][:images] for label in classes}
            looked_at = {f"samples/{label}": x for label, x in drawn.items()}
            looked_at["held out"] = held_out.rois
            rows, closest = appraise(
                drawn,
                training,
                held_out,
                [features, *elsewhere],
                {k: np.take(classes, features.predict_classes(x)) for k, x in looked_at.items()},
                seed=seeds.derive(seed, "appraisal", replicate, fold, name),
            )
            key = dict(zip(KEYS, (replicate, fold, name), strict=True))
            tables.append(pd.DataFrame(rows).assign(**key))
            if number == 0:
                pictures |= {f"{name}/{key}": picture for key, picture in closest.items()}
    write_table(table, pd.concat(tables).reindex(columns=KEYS + COLUMNS))
    write_arrays(pairs, **pictures)


def gather_fidelity(tables: Sequence[str], *, table: str | Path, means: str | Path) -> None:
    """Write the measures of all replicates (none where nothing is appraised), and their means."""
    rows = [read_table(path) for path in tables]
    gathered = adjust(pd.concat(rows) if rows else pd.DataFrame(columns=KEYS + COLUMNS))
    gathered["unit"] = gathered["measure"].map(measure_unit)
    write_table(table, gathered)
    write_table(means, summarise(gathered))
