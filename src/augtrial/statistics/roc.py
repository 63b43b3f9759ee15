"""ROC curves of each class against the rest, with intervals for new patients and re-runs."""

import numpy as np
import pandas as pd

from augtrial.statistics.classification import ClassificationPanel, classification_panels
from augtrial.statistics.endpoints import FRACTION
from augtrial.statistics.intervals import crossed_interval, whole

# False positive rates at which curves are read: close where they bend.
GRID = np.round(np.concatenate([np.arange(0.02, 0.2, 0.02), np.arange(0.2, 1.0, 0.05)]), 2)
STEP = 0.05  # of the false positive rate over which a curve's slope is read

ROC_COLUMNS = [
    *("arm", "class", "false_positive_rate", "sensitivity", "low", "high"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]


def roc_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return each arm's and class's sensitivity at given false positive rates.

    The sensitivity is the mean over folds and replicates; lesions and patients are of the class.
    Each fold sets thresholds by itself: the quantiles of its lesions of other classes. A fold
    without the class, or without others, is left out.

    The interval is `intervals.crossed_interval`, in which a lesion of the class counts by its being
    above the threshold, one of another class by moving the threshold, times the curve's slope.
    Source: Pepe, The Statistical Evaluation of Medical Tests for Classification and Prediction,
    2003, section 5.2.
    """
    below, above = np.maximum(GRID - STEP, 0.0), np.minimum(GRID + STEP, 1.0)
    rows = []
    for panel in classification_panels(predictions).values():
        for c in np.unique(panel.label):
            value, hits, false_alarms = _curve(panel, c, GRID)
            rise = _curve(panel, c, above)[0].mean(axis=0) - _curve(panel, c, below)[0].mean(axis=0)
            derivative = hits - rise / (above - below) * false_alarms
            counts = panel.counts(panel.label == c).values()
            for i, rate in enumerate(GRID):
                psi = panel.sum_by_case(derivative[:, :, i]) * panel.cases
                parts = whole(panel.cases, panel.shared_training)
                interval = crossed_interval(value[:, i] + psi, confidence, parts=parts)
                low, high = np.clip([interval.low, interval.high], 0, 1)
                key = (panel.arm, panel.classes[c], rate)
                rows.append((*key, value[:, i].mean(), low, high, FRACTION, *counts))
    return pd.DataFrame(rows, columns=ROC_COLUMNS)


def _curve(
    panel: ClassificationPanel, c: int, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sensitivities [R, rates] and, by the weight of each lesion, the derivatives of
    sensitivity and of the false positive rate at the same thresholds: [n, R, rates] each.
    """
    n, replicates = panel.fold.shape
    value = np.zeros((replicates, len(rates)))
    hits, false_alarms = np.zeros((2, n, replicates, len(rates)))
    for r in range(replicates):
        inside = [panel.fold[:, r] == fold for fold in np.unique(panel.fold[:, r])]
        folds = [lesions for lesions in inside if len(np.unique(panel.label[lesions] == c)) == 2]
        for lesions in folds:
            positive, negative = lesions & (panel.label == c), lesions & (panel.label != c)
            score = panel.probability[:, r, c]
            threshold = np.quantile(score[negative], 1 - rates)
            hit = score[positive][:, None] > threshold
            alarm = score[negative][:, None] > threshold
            value[r] += hit.mean(axis=0) / len(folds)
            hits[positive, r] = (hit - hit.mean(axis=0)) / (len(hit) * len(folds))
            false_alarms[negative, r] = (alarm - alarm.mean(axis=0)) / (len(alarm) * len(folds))
    return value, hits, false_alarms
