"""The comparison: every table that a study's predictions and contrasts lead to.

It needs nothing but predictions, so that it also serves those that were made elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.statistics.calibration import calibration_table, reliability_table
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.confusion import confusion_table
from augtrial.statistics.contrasts import contrast_table
from augtrial.statistics.convergence import training_table, unconverged_arms
from augtrial.statistics.curves import curve_table, updates_table
from augtrial.statistics.endpoints import endpoint_table
from augtrial.statistics.outcomes import Outcomes
from augtrial.statistics.roc import roc_table
from augtrial.statistics.secondary import secondary_table
from augtrial.statistics.sensitivity import sensitivity_table
from augtrial.statistics.verdicts import NOT_EVALUABLE, verdict_table


def compare(
    predictions: pd.DataFrame,
    contrasts: Sequence[str],
    *,
    endpoint: tuple[str, str] = PRIMARY_ENDPOINTS["macro sensitivity"],
    margin: float = 0.03,
    confidence: float = 0.95,
    primary: str = "",
    controls: Sequence[str] = (),
    unconverged: Mapping[str, str] | None = None,
    unfit: Mapping[str, str] | None = None,
    diameters: Mapping[str, float] | None = None,
    outcomes: Outcomes = classification_outcomes,
) -> dict[str, pd.DataFrame]:
    """Return the tables that every task has, by name.

    They are endpoints, contrasts, verdicts, secondary and sensitivity.

    `predictions` have one row a held-out lesion, replicate and arm (see `panel.panels`);
    `contrasts` are pairs of arms "a - b", named before the run, of which `primary` (the first, if
    empty) and the positive `controls` are tested at the full level; `endpoint` is the primary one
    and its class, `margin` the smallest difference that matters, a fraction. Arms in `unconverged`
    get no verdict, with the reason; those in `unfit` are not evaluable. `diameters` of the lesions
    part them into halves by size.

    Raises:
        UserError: columns, lesions or arms are missing (see `panels` and `contrast_table`).
    """
    differences = contrast_table(predictions, contrasts, confidence=confidence, outcomes=outcomes)
    rule: dict[str, Any] = {"endpoint": endpoint, "margin": margin, "confidence": confidence}
    rule |= {"primary": primary, "controls": controls}
    rule |= {"unconverged": unconverged, "unfit": unfit}
    parts: dict[str, Any] = {"endpoint": endpoint, "outcomes": outcomes}
    verdicts = verdict_table(differences, **rule)
    failed = verdicts[verdicts["verdict"] == NOT_EVALUABLE]
    reasons = dict(zip(failed["contrast"], failed["reason"], strict=True))
    differences["not_evaluable"] = [reasons.get(c, "") for c in differences["contrast"]]
    return {
        "endpoints": endpoint_table(predictions, confidence=confidence, outcomes=outcomes),
        "contrasts": differences,
        "verdicts": verdicts,
        "secondary": secondary_table(predictions, contrasts, **parts),
        "sensitivity": sensitivity_table(
            predictions, contrasts, diameters=diameters, outcomes=outcomes, **rule
        ),
    }


def classification_tables(
    predictions: pd.DataFrame, *, confidence: float = 0.95
) -> dict[str, pd.DataFrame]:
    """Return what a classification has beside them: confusion, calibration, reliability, roc."""
    return {
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
    """Return all tables of a study of classifiers: with those above training, curve, updates.

    Predictions, contrasts and options are those of `compare`. `histories` tell how the arms'
    networks trained (see `convergence.training_table`); one that did not converge leaves its arm
    without a verdict. `curves` and `stops` are predictions of the curves' networks and of the arms'
    after fewer updates (see `curves.curve_table`, `curves.updates_table`).
    """
    training = training_table(histories, predictions, classes)
    options |= {"confidence": confidence, "unconverged": unconverged_arms(training)}
    return {
        **compare(predictions, contrasts, **options),
        **classification_tables(predictions, confidence=confidence),
        "training": training,
        "curve": curve_table(curves, confidence=confidence),
        "updates": updates_table(stops, predictions, training, confidence=confidence),
    }
