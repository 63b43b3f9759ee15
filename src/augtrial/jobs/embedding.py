"""The job of the embedding: held-out lesions in the feature space of some arms' classifiers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core.io import write_table
from augtrial.fidelity.embedding import embed, neighbour_accuracy, shown_lesions
from augtrial.imaging.training_set import read_part
from augtrial.jobs.networks import load_classifier
from augtrial.tasks.classification.cnn import predict
from augtrial.training.device import limit_threads

POINTS = ["arm", "lesion_id", "patient_id", "label", "image", "x", "y"]


def embed_lesions(
    *,
    networks: str | Path,
    arms: Sequence[str],
    rois: str | Path,
    variants: str | Path,
    lesions: str | Path,
    max_lesions: int,
    max_variants: int,
    perplexity: float,
    neighbours: int,
    classifier: Mapping[str, Any],
    classes: Sequence[str],
    seed: int,
    points: str | Path,
    accuracies: str | Path,
) -> None:
    """Write t-SNE coordinates of held-out lesions and variants, and the neighbours' accuracy.

    `networks` is the file of the classifiers of `arms`; `rois`, `variants` and the table `lesions`
    are of one held-out part, of which at most `max_lesions` are shown, with `max_variants` each.
    """
    limit_threads()
    part = read_part(rois, variants)
    rows = pd.read_csv(lesions, dtype=str, keep_default_na=False)
    chosen = shown_lesions(len(rows), max_lesions, seed=seed)
    drawn = np.stack([part.variants[index][:max_variants] for index in chosen])
    size = part.rois.shape[-1]
    images = np.concatenate([part.rois[chosen, None], drawn], axis=1).reshape(-1, size, size)
    kinds = ["roi"] + ["variant"] * drawn.shape[1]
    shown = rows.iloc[np.repeat(chosen, len(kinds))].assign(image=kinds * len(chosen))
    patients = shown["patient_id"].where(shown["patient_id"] != "", shown["lesion_id"])
    labels, groups = shown["label"].to_numpy(), patients.to_numpy()
    maps, found = [], []
    for arm in arms:
        network = load_classifier(networks, arm, classifier, classes=classes, size=size)
        _, features = predict(network, images)
        x, y = embed(features, perplexity=perplexity, seed=seed).T
        maps.append(shown.assign(arm=arm, x=x, y=y)[POINTS])
        accuracy = neighbour_accuracy(features, labels, groups, neighbours=neighbours)
        found.append({"arm": arm, "neighbours": neighbours, "accuracy": accuracy})
    write_table(points, pd.concat(maps or [pd.DataFrame(columns=POINTS)]))
    counts = {"unit": "fraction", "replicates": 1, "folds": 1, "images": len(shown)}
    counts |= {"lesions": len(chosen), "patients": patients.nunique()}
    table = pd.DataFrame(found, columns=["arm", "neighbours", "accuracy"]).assign(**counts)
    write_table(accuracies, table)
