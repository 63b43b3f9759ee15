"""Endpoints of every arm as a table, each with its interval."""

from dataclasses import replace

import numpy as np
import pandas as pd

from augtrial.core.names import count
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.intervals import MIN_FOR_INTERVAL, Interval, proportion_interval
from augtrial.statistics.outcomes import Outcome, Outcomes
from augtrial.statistics.panel import Panel

ENDPOINT_COLUMNS = [
    *("arm", "endpoint", "class", "value", "sd", "low", "high"),
    *("unit", "replicates", "folds", "lesions", "patients", "method"),
]
FRACTION = "fraction"


def endpoint_table(
    predictions: pd.DataFrame,
    *,
    confidence: float = 0.95,
    outcomes: Outcomes = classification_outcomes,
) -> pd.DataFrame:
    """Return every endpoint of every arm with its interval, one row each.

    The value is the mean over the replicates of the endpoint, never from averaged probabilities;
    sd is over replicates (NaN for one); lesions and patients are those that the endpoint is about:
    53 cysts for the sensitivity to cysts. What cannot be estimated is NaN.

    Raises:
        UserError: columns or lesions are missing, or doubled (see `panel.panels`).
    """
    arms = outcomes(predictions).values()
    rows = [
        endpoint_row(arm.panel, outcome, confidence) for arm in arms for outcome in arm.outcomes
    ]
    return pd.DataFrame(rows, columns=ENDPOINT_COLUMNS)


def endpoint_row(panel: Panel, outcome: Outcome, confidence: float) -> dict[str, object]:
    """Return a row of the table: one endpoint of one arm."""
    values, counted = outcome.sample(), outcome.counted
    parts = replace(outcome.parts, factor=outcome.parts.factor * panel.shared_training)
    interval, wilson = proportion_interval(
        values, outcome.trials, confidence, counted=counted, parts=parts
    )
    values = outcome.value[np.isfinite(outcome.value)]
    return {
        **{"arm": panel.arm, "endpoint": outcome.endpoint, "class": outcome.category},
        "value": values.mean() if len(values) else np.nan,
        "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
        **{"low": interval.low, "high": interval.high, "unit": FRACTION},
        **{"replicates": len(values), "folds": panel.folds, "lesions": outcome.lesions},
        "patients": int(outcome.relevant.sum()),
        "method": _method(panel, outcome, len(values), interval, wilson),
    }


def _method(
    panel: Panel, outcome: Outcome, replicates: int, interval: Interval, wilson: bool
) -> str:
    """Return in words what the interval stands on."""
    if not replicates:
        return "; ".join(filter(None, ("not estimable", outcome.note)))
    if replicates < MIN_FOR_INTERVAL:
        return f"no interval from {count(replicates, 'replicate')}"
    if np.isnan(interval.se):
        alone = outcome.relevant.sum() == 1
        return "no interval from " + ("1 patient" if alone else "a class of 1 patient")
    words = f"{panel.kind_of_case} x replicates" + (", Wilson" if wilson else ", t")
    words += ", one test set: one network a replicate" if panel.folds == 1 else ""
    if not panel.has_patients:
        words += "; too narrow if patients have several lesions"
    return "; ".join(filter(None, (words, outcome.note)))
