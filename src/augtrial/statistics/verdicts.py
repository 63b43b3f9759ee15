"""Verdicts: the one rule that turns a contrast's numbers into words (docs/statistics.md)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from augtrial.core.names import contrast_arms

MIN_REPLICATES = 6  # replicates for a verdict; see benchmarks/verdict_simulation.py
POWER = 0.80  # of the minimal detectable effect

GAIN, LOSS = "gain", "loss"
SMALL = {GAIN: "gain, smaller than the margin", LOSS: "loss, smaller than the margin"}
NO_DIFFERENCE = "no relevant difference"
CANNOT_TELL = "cannot tell"
NO_VERDICT = "no verdict"

SHARES = ("share_patients", "share_replicates", "share_both")  # of the variance
VERDICT_COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high", "p", "p_adjusted"),
    *("verdict", "reason", "margin", "level", "detectable", "replicates", "folds", "lesions"),
    *("patients", "unit", *SHARES),
]


def decide(
    difference: float, low: float, high: float, p: float, margin: float, level: float
) -> str:
    """Return the verdict that a difference, its interval and its adjusted p value lead to.

    All numbers are fractions. An interval inside (-margin, margin) means that no difference that
    matters is left; p below the level that there is one, whatever its size.
    """
    inside = -margin < low and high < margin
    if p < level:
        word = GAIN if difference > 0 else LOSS
        return SMALL[word] if inside else word
    return NO_DIFFERENCE if inside else CANNOT_TELL


def verdict_table(
    contrasts: pd.DataFrame,
    *,
    endpoint: tuple[str, str] = ("sensitivity", "macro"),
    margin: float = 0.03,
    confidence: float = 0.95,
    unconverged: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row for each contrast: its numbers on the primary endpoint, and the verdict.

    `contrasts` is the table of `contrasts.contrast_table`, the other arguments are those of
    `comparison.compare`. p_adjusted is Holm's over all contrasts, level 1 - confidence, reason why
    there is no verdict; detectable is at the level over the number of contrasts. The shares
    of the variance say what would narrow the interval.

    Source: Holm, Scand J Statist 6:65 (1979).
    """
    name, category = endpoint
    rows = contrasts[(contrasts["endpoint"] == name) & (contrasts["class"] == category)].copy()
    if rows.empty:
        return pd.DataFrame(columns=VERDICT_COLUMNS)
    level = 1 - confidence
    known = rows["p"].fillna(1.0)
    rows["p_adjusted"] = multipletests(known, alpha=level, method="holm")[1]
    rows.loc[rows["p"].isna(), "p_adjusted"] = np.nan
    rows["margin"], rows["level"] = margin, level
    strictest = level / len(rows)
    extra = []
    for row in rows.itertuples():
        reason, terms = _reason(row, unconverged or {}), _terms(row)
        word = decide(row.difference, row.low, row.high, row.p_adjusted, margin, level)
        shares = (term / (sum(terms) or math.nan) for term in terms)
        extra.append(
            {
                **{"verdict": NO_VERDICT if reason else word, "reason": reason},
                "detectable": detectable(row.se, row.df, strictest),
                **dict(zip(SHARES, shares, strict=True)),
            }
        )
    rows = rows.reset_index(drop=True).join(pd.DataFrame(extra))
    return rows[VERDICT_COLUMNS]


def _reason(row: Any, unconverged: Mapping[str, str]) -> str:
    """Return why a contrast gets no verdict; empty if it gets one."""
    a, b = contrast_arms(row.contrast)
    if a == b:
        return ""  # whatever it was trained with, it does not differ from itself
    reasons = [
        f"arm {arm} did not converge: {unconverged[arm]}" for arm in (a, b) if arm in unconverged
    ]
    if math.isnan(row.difference):
        reasons.append("the endpoint could not be estimated")
    elif row.replicates < MIN_REPLICATES:
        reasons.append(f"{row.replicates} of at least {MIN_REPLICATES} replicates")
    return "; ".join(reasons)


def detectable(se: float, df: float, level: float) -> float:
    """Return the minimal detectable effect: the difference found at `level` with 80 % power.

    (t(1 - level/2) + t(0.80)) x se; NaN where there is no variance.

    Source: Bloom, Eval Rev 19:547 (1995).
    """
    if not se > 0:
        return float("nan")
    return float((stats.t.ppf(1 - level / 2, df) + stats.t.ppf(POWER, df)) * se)


def _terms(row: Any) -> tuple[float, float, float]:
    """Return the variance of the difference due to patients, replicates, and both together."""
    both = 0.0 if math.isnan(row.v_residual) else row.v_residual
    patients = 0.0 if math.isnan(row.v_patient) else max(0.0, row.v_patient - both)
    replicates = 0.0 if math.isnan(row.v_replicate) else max(0.0, row.v_replicate - both)
    return patients, replicates, both
