"""Calibration: whether a probability of 0.8 is right eight times in ten."""

import numpy as np
import pandas as pd

from augtrial.endpoints import FRACTION
from augtrial.intervals import crossed_interval
from augtrial.panel import Panel, panels

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

    Columns: arm; measure (`brier`: mean over lesions of the squared error summed over classes,
    in [0, 2]; `ece`: mean over ten equal bins of the called class's probability of |accuracy -
    probability|, weighted by lesions, in [0, 1]); value (mean over replicates); sd over
    replicates; low, high (of the Brier score, patients and replicates random; the calibration
    error has none, since chance alone raises it); unit, replicates, folds, lesions, patients.

    Sources: Brier, Mon Weather Rev 78:1 (1950); Guo et al., arXiv 1706.04599, equation 3.
    """
    rows = []
    for panel in panels(predictions).values():
        error = _squared_errors(panel)
        interval = crossed_interval(_sample(panel, error), confidence)
        called, right = _called(panel)
        ece = np.array([_calibration_error(*each) for each in zip(called.T, right.T, strict=True)])
        limits = max(0.0, interval.low), min(2.0, interval.high)
        for measure, unit, values, (low, high) in (
            ("brier", "squared error", error.mean(axis=0), limits),
            ("ece", FRACTION, ece, (np.nan, np.nan)),
        ):
            rows.append(
                {
                    "arm": panel.arm,
                    "measure": measure,
                    "value": values.mean(),
                    "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                    **{"low": low, "high": high, "unit": unit, "replicates": len(values)},
                    **{"folds": panel.folds, "lesions": len(panel.label), "patients": panel.cases},
                }
            )
    return pd.DataFrame(rows, columns=CALIBRATION_COLUMNS)


def reliability_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return, for each arm and bin, the mean probability of the called class and how often it is
    right, over all replicates; lesions is the mean number in a replicate, patients those of any.
    Empty bins are left out.
    """
    rows = []
    for panel in panels(predictions).values():
        called, right = _called(panel)
        place = _bins(called)
        for bin_ in np.unique(place):
            inside = place == bin_
            rows.append(
                {
                    **{"arm": panel.arm, "bin": int(bin_)},
                    **{"from": bin_ / BINS, "to": (bin_ + 1) / BINS},
                    "probability": called[inside].mean(),
                    "accuracy": right[inside].mean(),
                    **{"unit": FRACTION, "replicates": len(panel.replicates)},
                    **{"folds": panel.folds, "lesions": inside.sum() / len(panel.replicates)},
                    "patients": len(np.unique(panel.case[inside.any(axis=1)])),
                }
            )
    return pd.DataFrame(rows, columns=RELIABILITY_COLUMNS)


def _squared_errors(panel: Panel) -> np.ndarray:
    """Return each lesion's squared error summed over classes: [n, R]."""
    truth = np.eye(len(panel.classes))[panel.label][:, None]
    return ((panel.probability - truth) ** 2).sum(axis=2)


def _sample(panel: Panel, values: np.ndarray) -> np.ndarray:
    """Return patients' values [P, R] whose mean is the mean of the lesions' values [n, R]."""
    mean = values.mean(axis=0)
    return mean + panel.by_case(values - mean) * (panel.cases / len(values))


def _called(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return the called class's probability and whether it is right: [n, R] each."""
    called = np.take_along_axis(panel.probability, panel.predicted[..., None], axis=2)[..., 0]
    return called, panel.predicted == panel.label[:, None]


def _bins(probability: np.ndarray) -> np.ndarray:
    return np.clip((probability * BINS).astype(int), 0, BINS - 1)


def _calibration_error(called: np.ndarray, right: np.ndarray) -> float:
    """Return the calibration error of one replicate: probabilities [n] and whether right [n]."""
    gaps = np.bincount(_bins(called), weights=right - called, minlength=BINS)
    return float(np.abs(gaps).sum() / len(called))
