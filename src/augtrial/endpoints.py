"""Endpoints of an arm as tables: sensitivity, specificity, accuracy, AUC and the confusion."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from augtrial.influence import Influence, influences
from augtrial.intervals import proportion_interval
from augtrial.panel import Panel, panels

ENDPOINT_COLUMNS = [
    *("arm", "endpoint", "class", "value", "sd", "low", "high"),
    *("unit", "replicates", "folds", "lesions", "patients", "method"),
]


CONFUSION_COLUMNS = [
    *("arm", "replicate", "label", "predicted", "count"),
    *("unit", "folds", "lesions", "patients"),
]
FRACTION = "fraction"


def endpoint_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return every endpoint of every arm with its interval, one row each.

    Columns: arm, endpoint, class, value (mean over the replicates of the endpoint, never from
    averaged probabilities), sd (over replicates; NaN for one), low, high, unit, replicates, folds,
    lesions and patients (those that the endpoint is about: 53 cysts for the sensitivity to
    cysts), method (what the interval stands on). What cannot be estimated is NaN.

    Raises:
        UserError: columns or lesions are missing, or doubled (see `panels`).
    """
    rows = []
    for panel in panels(predictions).values():
        for item in influences(panel):
            sample = item.sample()
            interval, wilson = proportion_interval(
                sample, item.trials, confidence, counted=item.endpoint != "auc"
            )
            values = item.value[np.isfinite(item.value)]
            rows.append(
                {
                    "arm": panel.arm,
                    "endpoint": item.endpoint,
                    "class": item.category,
                    "value": values.mean() if len(values) else np.nan,
                    "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                    "low": interval.low,
                    "high": interval.high,
                    "unit": FRACTION,
                    "replicates": len(values),
                    "folds": panel.folds,
                    "lesions": item.lesions,
                    "patients": int(item.bearing.sum()),
                    "method": _method(panel, item, len(values), wilson),
                }
            )
    return pd.DataFrame(rows, columns=ENDPOINT_COLUMNS)


def _method(panel: Panel, item: Influence, replicates: int, wilson: bool) -> str:
    """Return in words what the interval stands on."""
    if not replicates:
        return "not estimable"
    words = "patients" if panel.has_patients else "lesions as patients"
    words += " x replicates" if replicates > 1 else ""
    words += ", Wilson" if wilson else ", t"
    return words + (f", {item.skipped} folds x classes not estimable" if item.skipped else "")


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts of lesions by arm, replicate, label and predicted, zeros included.

    Beside them the unit, and the folds, lesions and patients of that label.
    """
    rows = [
        (panel.arm, replicate, label, predicted, int(matrix[i, j]), "lesions", *numbers[i])
        for panel in panels(predictions).values()
        for r, replicate in enumerate(panel.replicates)
        for matrix, numbers in [(_confusion(panel, r), _class_counts(panel))]
        for i, label in enumerate(panel.classes)
        for j, predicted in enumerate(panel.classes)
    ]
    return pd.DataFrame(rows, columns=CONFUSION_COLUMNS)


def _class_counts(panel: Panel) -> list[tuple[int, int, int]]:
    """Return folds, lesions and patients of each class."""
    own = [panel.label == c for c in range(len(panel.classes))]
    return [(panel.folds, int(of.sum()), len(np.unique(panel.case[of]))) for of in own]


def _confusion(panel: Panel, r: int) -> np.ndarray:
    """Return the confusion matrix of one replicate: rows true, columns predicted."""
    return confusion_matrix(
        panel.label, panel.predicted[:, r], labels=np.arange(len(panel.classes))
    )


def confusion_endpoints(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return endpoint, class, value of a confusion matrix (rows true, columns predicted).

    Sensitivity and specificity of each class against the rest, their averages `macro` (plain)
    and `weighted` (by class size) over the classes that occur, and accuracy. A class without
    lesions has no sensitivity (NaN).
    """
    matrix = np.asarray(matrix, dtype=float)
    size, total, hit = matrix.sum(axis=1), matrix.sum(), np.diag(matrix)
    others = total - size
    rejected = others - (matrix.sum(axis=0) - hit)
    occurs = size > 0
    rows = []
    for endpoint, good, of in (("sensitivity", hit, size), ("specificity", rejected, others)):
        rate = np.divide(good, of, out=np.full(len(of), np.nan), where=of > 0)
        rows += [(endpoint, name, value) for name, value in zip(classes, rate, strict=True)]
        rows.append((endpoint, "macro", rate[occurs].mean()))
        rows.append((endpoint, "weighted", (rate * size)[occurs].sum() / total))
    rows.append(("accuracy", "all", hit.sum() / total))
    return pd.DataFrame(rows, columns=["endpoint", "class", "value"])
