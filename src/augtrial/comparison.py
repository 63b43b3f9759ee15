"""The comparison: every table that a study's predictions and contrasts lead to.

`compare` needs nothing but predictions, so that it also serves those that were made elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from augtrial.calibration import calibration_table, reliability_table
from augtrial.contrasts import contrast_table
from augtrial.curves import curve_table, updates_table
from augtrial.endpoints import confusion_table, endpoint_table
from augtrial.learned import training_table, untrained_arms
from augtrial.roc import roc_table
from augtrial.secondary import secondary_table
from augtrial.settings import PRIMARY_ENDPOINTS
from augtrial.verdicts import verdict_table


def compare(
    predictions: pd.DataFrame,
    contrasts: Sequence[str],
    *,
    endpoint: str = "macro sensitivity",
    margin: float = 0.03,
    confidence: float = 0.95,
    untrained: Mapping[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables by name: endpoints, contrasts, verdicts, secondary, confusion, calibration,
    reliability, roc.

    Args:
        predictions: one row a held-out lesion, replicate and arm (see `panel.panels`).
        contrasts: pairs of arms, "a - b", named before the run.
        endpoint: the primary endpoint, a key of `settings.PRIMARY_ENDPOINTS`.
        margin: the smallest difference that matters, a fraction.
        confidence: of all intervals.
        untrained: arms that get no verdict, with the reason.

    Raises:
        UserError: columns, lesions or arms are missing (see `panels` and `contrast_table`).
    """
    differences = contrast_table(predictions, contrasts, confidence=confidence)
    key = PRIMARY_ENDPOINTS[endpoint]
    return {
        "endpoints": endpoint_table(predictions, confidence=confidence),
        "contrasts": differences,
        "verdicts": verdict_table(
            differences, endpoint=key, margin=margin, confidence=confidence, untrained=untrained
        ),
        "secondary": secondary_table(predictions, contrasts, endpoint=key),
        "confusion": confusion_table(predictions),
        "calibration": calibration_table(predictions, confidence=confidence),
        "reliability": reliability_table(predictions),
        "roc": roc_table(predictions, confidence=confidence),
    }


def compare_networks(
    predictions: pd.DataFrame,
    histories: pd.DataFrame,
    contrasts: Sequence[str],
    *,
    classes: Sequence[str],
    curves: pd.DataFrame,
    stops: pd.DataFrame,
    confidence: float = 0.95,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Return the tables of `compare`, and those of the networks: training, curve, updates.

    Args:
        predictions: as for `compare`.
        histories: how the arms' networks trained (see `learned.training_table`); one that learned
            nothing leaves its arm without a verdict.
        contrasts: as for `compare`.
        classes: all classes.
        curves: predictions of the curves' networks (see `curves.curve_table`).
        stops: predictions after fewer updates (see `curves.updates_table`).
        confidence: of all intervals.
        options: `compare`'s endpoint and margin.
    """
    training = training_table(histories, predictions, classes)
    untrained = untrained_arms(training)
    tables = compare(predictions, contrasts, confidence=confidence, untrained=untrained, **options)
    return tables | {
        "training": training,
        "curve": curve_table(curves, confidence=confidence),
        "updates": updates_table(stops, predictions, training, confidence=confidence),
    }
