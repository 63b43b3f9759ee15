"""ROC curves of each class against the rest, with intervals for new patients and re-runs."""

import numpy as np
import pandas as pd

from augtrial.endpoints import FRACTION
from augtrial.intervals import crossed_interval
from augtrial.panel import Panel, panels

# False positive rates at which curves are read: close where they bend.
GRID = np.round(np.concatenate([np.arange(0.02, 0.2, 0.02), np.arange(0.2, 1.0, 0.05)]), 2)
STEP = 0.05  # of the false positive rate over which a curve's slope is read

ROC_COLUMNS = [
    *("arm", "class", "false_positive_rate", "sensitivity", "low", "high"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]


def roc_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return each arm's and class's sensitivity at given false positive rates.

    Columns: arm, class, false_positive_rate, sensitivity (mean over folds and replicates), low,
    high, unit, replicates, folds, lesions, patients (the class's own). Scores of different folds
    come from different networks, so that each fold has thresholds of its own: the quantiles of its
    lesions of other classes. A fold without the class, or without others, is left out.

    The interval takes patients and replicates as random (`intervals.crossed_interval`). A lesion
    of the class pulls by its being above the threshold; one of another class by moving the
    threshold, times the curve's slope. Source: Pepe, The Statistical Evaluation of Medical Tests
    for Classification and Prediction, 2003, section 5.2.
    """
    rows = []
    for panel in panels(predictions).values():
        for c in np.unique(panel.label):
            own = panel.label == c
            curve = _curve(panel, c, GRID)
            ahead = _curve(panel, c, np.minimum(GRID + STEP, 1.0))[0].mean(axis=0)
            behind = _curve(panel, c, np.maximum(GRID - STEP, 0.0))[0].mean(axis=0)
            slope = (ahead - behind) / (np.minimum(GRID + STEP, 1) - np.maximum(GRID - STEP, 0))
            value, pull_own, pull_rest = curve
            for place, rate in enumerate(GRID):
                pull = pull_own[:, :, place] - slope[place] * pull_rest[:, :, place]
                psi = panel.by_case(pull) * panel.cases
                interval = crossed_interval(value[:, place] + psi, confidence)
                rows.append(
                    {
                        **{"arm": panel.arm, "class": panel.classes[c]},
                        "false_positive_rate": rate,
                        "sensitivity": value[:, place].mean(),
                        "low": np.clip(interval.low, 0, 1),
                        "high": np.clip(interval.high, 0, 1),
                        **{"unit": FRACTION, "replicates": len(panel.replicates)},
                        "folds": panel.folds,
                        "lesions": int(own.sum()),
                        "patients": len(np.unique(panel.case[own])),
                    }
                )
    return pd.DataFrame(rows, columns=ROC_COLUMNS)


def _curve(panel: Panel, c: int, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sensitivities [R, rates] and the pulls [n, R, rates] of the class and of the rest."""
    n, replicates = panel.fold.shape
    value = np.zeros((replicates, len(rates)))
    own, rest = np.zeros((2, n, replicates, len(rates)))
    for r in range(replicates):
        folds = [
            panel.fold[:, r] == fold
            for fold in np.unique(panel.fold[:, r])
            if len(np.unique(panel.label[panel.fold[:, r] == fold] == c)) == 2
        ]
        for inside in folds:
            positive, negative = inside & (panel.label == c), inside & (panel.label != c)
            score = panel.probability[:, r, c]
            threshold = np.quantile(score[negative], 1 - rates)
            hit = score[positive][:, None] > threshold
            false = score[negative][:, None] > threshold
            value[r] += hit.mean(axis=0) / len(folds)
            own[positive, r] = (hit - hit.mean(axis=0)) / (len(hit) * len(folds))
            rest[negative, r] = (false - false.mean(axis=0)) / (len(false) * len(folds))
    return value, own, rest
