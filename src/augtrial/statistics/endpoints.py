"""Endpoints of every arm as a table, each with its interval."""

import numpy as np
import pandas as pd

from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.intervals import proportion_interval
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
    rows = [_row(arm.panel, outcome, confidence) for arm in arms for outcome in arm.outcomes]
    return pd.DataFrame(rows, columns=ENDPOINT_COLUMNS)


def _row(panel: Panel, outcome: Outcome, confidence: float) -> dict[str, object]:
    interval, wilson = proportion_interval(
        outcome.sample(), outcome.trials, confidence, counted=outcome.counted
    )
    values = outcome.value[np.isfinite(outcome.value)]
    return {
        **{"arm": panel.arm, "endpoint": outcome.endpoint, "class": outcome.category},
        "value": values.mean() if len(values) else np.nan,
        "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
        **{"low": interval.low, "high": interval.high, "unit": FRACTION},
        **{"replicates": len(values), "folds": panel.folds, "lesions": outcome.lesions},
        "patients": int(outcome.relevant.sum()),
        "method": _method(panel, outcome, len(values), wilson),
    }


def _method(panel: Panel, outcome: Outcome, replicates: int, wilson: bool) -> str:
    """Return in words what the interval stands on."""
    if not replicates:
        return "not estimable"
    words = "patients" if panel.has_patients else "lesions as patients"
    if replicates > 1:
        words += " x replicates"
    words += ", Wilson" if wilson else ", t"
    if outcome.skipped:
        words += f", {outcome.skipped} folds x classes not estimable"
    return words
