"""Calibration: whether a probability of 0.8 is right eight times in ten."""

import numpy as np
import pandas as pd

from augtrial.statistics.classification import ClassificationPanel, classification_panels
from augtrial.statistics.endpoints import FRACTION
from augtrial.statistics.intervals import crossed_interval, whole
from augtrial.statistics.panel import Panel

BINS = 10

CALIBRATION_COLUMNS = [
    *("arm", "measure", "value", "sd", "low", "high"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]
RELIABILITY_COLUMNS = [
    *("arm", "bin", "from", "to", "probability", "accuracy"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]


def calibration_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return each arm's Brier score and expected calibration error, one row each.

    `brier` is the mean over lesions of the squared error summed over classes, in [0, 2]; `ece` the
    mean over ten equal bins of the predicted class's probability of |accuracy - probability|,
    weighted by lesions, in [0, 1]. The calibration error has no interval, since chance alone
    raises it.

    Sources: Brier, Mon Weather Rev 78:1 (1950); Guo et al., arXiv 1706.04599, equation 3.
    """
    rows = []
    for panel in classification_panels(predictions).values():
        error = _squared_errors(panel)
        parts = whole(panel.cases, panel.shared_training)
        interval = crossed_interval(_sample(panel, error), confidence, parts=parts)
        columns = (values.T for values in _predicted_class(panel))
        ece = np.array([_calibration_error(*column) for column in zip(*columns, strict=True)])
        limits = tuple(np.clip([interval.low, interval.high], 0, 2))
        for measure, unit, values, (low, high) in (
            ("brier", "squared error", error.mean(axis=0), limits),
            ("ece", FRACTION, ece, (np.nan, np.nan)),
        ):
            sd = values.std(ddof=1) if len(values) > 1 else np.nan
            key = (panel.arm, measure, values.mean(), sd, low, high, unit)
            rows.append((*key, *panel.counts().values()))
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)


def reliability_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return, for each arm and bin, the mean probability of the predicted class and its accuracy.

    Over all replicates; lesions is the mean number in a replicate, patients those of any. Empty
    bins are left out.
    """
    rows = []
    for panel in classification_panels(predictions).values():
        probability, correct = _predicted_class(panel)
        bins = _bins(probability)
        for bin_ in np.unique(bins):
            inside = bins == bin_
            counts = panel.counts(inside.any(axis=1))
            counts["lesions"] = inside.sum() / len(panel.replicates)
            mean = (probability[inside].mean(), correct[inside].mean())
            limits = (bin_ / BINS, (bin_ + 1) / BINS)
            rows.append((panel.arm, int(bin_), *limits, *mean, FRACTION, *counts.values()))
    return pd.DataFrame(rows, columns=RELIABILITY_COLUMNS)


def _squared_errors(panel: ClassificationPanel) -> np.ndarray:
    """Return each lesion's squared error summed over classes: [n, R]."""
    truth = np.eye(len(panel.classes))[panel.label][:, None]
    return ((panel.probability - truth) ** 2).sum(axis=2)


def _sample(panel: Panel, values: np.ndarray) -> np.ndarray:
    """Return patients' values [P, R] whose mean is the mean of the lesions' values [n, R]."""
    mean = values.mean(axis=0)
    return mean + panel.sum_by_case(values - mean) * (panel.cases / len(values))


def _predicted_class(panel: ClassificationPanel) -> tuple[np.ndarray, np.ndarray]:
    """Return the predicted class's probability and whether it is the true class: [n, R] each."""
    predicted = panel.predicted[..., None]
    probability = np.take_along_axis(panel.probability, predicted, axis=2)[..., 0]
    return probability, panel.predicted == panel.label[:, None]


def _bins(probability: np.ndarray) -> np.ndarray:
    return np.clip((probability * BINS).astype(int), 0, BINS - 1)


def _calibration_error(probability: np.ndarray, correct: np.ndarray) -> float:
    """Return the calibration error of one replicate, from `_predicted_class` [n] of its lesions."""
    gaps = np.bincount(_bins(probability), weights=correct - probability, minlength=BINS)
    return float(np.abs(gaps).sum() / len(probability))
