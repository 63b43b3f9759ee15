"""The job that scores a replicate's baselines, which need no network."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from augtrial.core.io import read_arrays, read_table, write_table
from augtrial.core.replicate import Replicate
from augtrial.statistics.predictions import prediction_rows
from augtrial.tasks.classification.baselines import baseline_scores, fit_baseline, measure


def score_baselines(
    *,
    baselines: Mapping[str, str],
    rois: Sequence[str],
    tables: Sequence[str],
    folds: Sequence[int],
    replicate: str,
    classes: Sequence[str],
    predictions: str,
) -> None:
    """Fit each baseline on the training parts of each fold, and score what the fold holds out.

    `baselines` are their kinds by the names of their arms; `rois`, and the measurements in
    `tables`, come part by part in the order of `folds`.
    """
    measured = [read_table(path) for path in tables]
    images = [read_arrays([path])["images"] for path in rois]
    rows = []
    for name, kind in baselines.items():
        features = [measure(kind, *part) for part in zip(images, measured, strict=True)]
        for index, fold in enumerate(folds):
            rest = [part for part in range(len(folds)) if part != index]
            labels = pd.concat([measured[part]["label"] for part in rest])
            machine = fit_baseline(np.concatenate([features[part] for part in rest]), labels)
            scores = baseline_scores(machine, features[index], classes)
            lesions = measured[index].fillna({"patient_id": ""})
            columns = {"fold": fold, "replicate": Replicate.parse(replicate).number, "arm": name}
            rows.append(prediction_rows(lesions, scores, classes, columns))
    write_table(predictions, pd.concat(rows))
