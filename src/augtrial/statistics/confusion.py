"""Confusion matrices of a classification, and the endpoints that follow from one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from augtrial.statistics.classification import classification_panels

CONFUSION_COLUMNS = [
    *("arm", "replicate", "label", "predicted", "count"),
    *("unit", "folds", "lesions", "patients"),
]


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts of lesions by arm, replicate, label and predicted, zeros included.

    Beside them the unit, and the folds, lesions and patients of that label.
    """
    rows = []
    for panel in classification_panels(predictions).values():
        codes = np.arange(len(panel.classes))
        about = [list(panel.counts(panel.label == c).values())[1:] for c in codes]
        for r, replicate in enumerate(panel.replicates):
            matrix = confusion_matrix(panel.label, panel.predicted[:, r], labels=codes)
            for i, label in enumerate(panel.classes):
                for predicted, count in zip(panel.classes, matrix[i].tolist(), strict=True):
                    key = (panel.arm, replicate, label, predicted)
                    rows.append((*key, count, "lesions", *about[i]))
    return pd.DataFrame(rows, columns=CONFUSION_COLUMNS)


def confusion_endpoints(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return endpoint, class, value of a confusion matrix (rows true, columns predicted).

    Sensitivity and specificity of each class against the rest, their averages `macro` (plain)
    and `weighted` (by class size) over the classes that occur, and accuracy. A class without
    lesions has no sensitivity (NaN).
    """
    matrix = np.asarray(matrix, dtype=float)
    size, total, true_positive = matrix.sum(axis=1), matrix.sum(), np.diag(matrix)
    others = total - size
    true_negative = others - (matrix.sum(axis=0) - true_positive)
    occurs = size > 0
    rows = []
    for endpoint, right, number in (
        ("sensitivity", true_positive, size),
        ("specificity", true_negative, others),
    ):
        rate = np.divide(right, number, out=np.full(len(number), np.nan), where=number > 0)
        rows += [(endpoint, name, value) for name, value in zip(classes, rate, strict=True)]
        rows.append((endpoint, "macro", rate[occurs].mean()))
        rows.append((endpoint, "weighted", (rate * size)[occurs].sum() / total))
    rows.append(("accuracy", "all", true_positive.sum() / total))
    return pd.DataFrame(rows, columns=["endpoint", "class", "value"])
