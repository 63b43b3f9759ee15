"""Verdicts: the one rule that turns a contrast's numbers into words (docs/statistics.md)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from augtrial.core.names import (
    DIFFERENCE,
    NON_INFERIOR,
    SUPERIOR,
    contrast_arms,
    contrast_question,
)
from augtrial.statistics.discordance import Numbers

MIN_REPLICATES = 6  # replicates for a verdict; see docs/results/simulation.md
POWER = 0.80  # of the minimal detectable effect
UNCERTAINTY = 0.80  # of the range in which the minimal detectable effect lies

GAIN, LOSS = "gain", "loss"
SMALL = {GAIN: "gain, smaller than the margin", LOSS: "loss, smaller than the margin"}
BEYOND = {GAIN: "gain beyond the margin", LOSS: "loss beyond the margin"}
NO_DIFFERENCE = "no relevant difference"
CANNOT_TELL = "cannot tell"
NO_VERDICT = "no verdict"
NOT_EVALUABLE = "not evaluable"  # an arm takes images of a synthesizer that failed
GAINS, LOSSES = ((word, SMALL[word], BEYOND[word]) for word in (GAIN, LOSS))

PRIMARY, CONTROL = "primary", "positive control"
SECONDARY, EXPLORATORY = "secondary", "exploratory"

SHARES = ("share_patients", "share_replicates", "share_both")  # of the variance
VERDICT_COLUMNS = [
    *("contrast", "role", "endpoint", "class", "difference", "low", "high", "p", "p_adjusted"),
    *("verdict", "reason", "margin", "level", "detectable_low", "detectable_high", "replicates"),
    *("folds", "lesions", "patients", "cases", "unit", *SHARES),
]


def decide(
    difference: float,
    low: float,
    high: float,
    p: float,
    margin: float,
    level: float,
    *,
    question: str = DIFFERENCE,
) -> str:
    """Return the verdict that a difference, its interval and its adjusted p value lead to.

    All numbers are fractions. An interval inside (-margin, margin) means that no difference that
    matters is left; p below the level, and an interval without zero, that there is one, whatever
    its size. `question` is a key of `names.QUESTIONS`.
    """
    if question != DIFFERENCE:
        limit = -margin if question == NON_INFERIOR else margin
        if p < level and low > limit:
            return question
        return BEYOND[LOSS] if high < -margin else CANNOT_TELL
    inside = max(-low, high) < margin
    if p < level and not low <= 0 <= high:
        word = GAIN if difference > 0 else LOSS
        if inside:
            return SMALL[word]
        return BEYOND[word] if max(low, -high) > margin else word
    return NO_DIFFERENCE if inside else CANNOT_TELL


def verdict_table(
    contrasts: pd.DataFrame,
    *,
    endpoint: tuple[str, str] = ("sensitivity", "macro"),
    margin: float = 0.03,
    confidence: float = 0.95,
    primary: str = "",
    controls: Sequence[str] = (),
    unconverged: Mapping[str, str] | None = None,
    unfit: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row for each contrast: its numbers on the primary endpoint, and the verdict.

    `contrasts` is the table of `contrasts.contrast_table`, the other arguments are those of
    `comparison.compare`. The primary contrast and the positive controls are tested at the full
    level, 1 - confidence. The others are adjusted among themselves (Holm) and are exploratory
    unless the primary p is below the level. `detectable_low` and `detectable_high` are the range in
    which the minimal detectable effect lies, at the level that the contrast is tested at. The
    shares of the variance say what would narrow the interval.

    Sources: Holm, Scand J Statist 6:65 (1979); a primary contrast before the others: Dmitrienko &
    Tamhane, Pharm Stat 6:171 (2007), fixed sequence.
    """
    name, category = endpoint
    rows = contrasts[(contrasts["endpoint"] == name) & (contrasts["class"] == category)]
    rows = rows.reset_index(drop=True)
    if rows.empty:
        return pd.DataFrame(columns=VERDICT_COLUMNS)
    failed = unconverged or {}, unfit or {}
    judged = judge(rows.to_dict("records"), margin, 1 - confidence, primary, controls, *failed)
    return rows.join(pd.DataFrame(judged))[VERDICT_COLUMNS]


def judge(
    rows: Sequence[Mapping[str, Any]],
    margin: float,
    level: float,
    primary: str = "",
    controls: Sequence[str] = (),
    unconverged: Mapping[str, str] | None = None,
    unfit: Mapping[str, str] | None = None,
    *,
    least: int = MIN_REPLICATES,
) -> list[dict[str, Any]]:
    """Return what `verdict_table` adds to the rows of one endpoint, without tables.

    Fewer than the `least` number of replicates get no verdict.
    """
    primary = primary or rows[0]["contrast"]
    questions = [contrast_question(row["contrast"]) for row in rows]
    p = np.array([question_p(*pair, margin) for pair in zip(rows, questions, strict=True)])
    roles = [_role(row["contrast"], primary, controls) for row in rows]
    others = np.array([role == SECONDARY for role in roles]) & np.isfinite(p)
    adjusted = p.copy()
    if others.any():
        adjusted[others] = multipletests(p[others], alpha=level, method="holm")[1]
    failed = [_unfit(row["contrast"], unfit or {}) for row in rows]
    reasons = [
        why or _reason(row, unconverged or {}, least) for row, why in zip(rows, failed, strict=True)
    ]
    decided = any(
        role == PRIMARY and value < level and not reason
        for role, value, reason in zip(roles, p, reasons, strict=True)
    )
    found = []
    for row, role, value, question, reason, why in zip(
        rows, roles, adjusted, questions, reasons, failed, strict=True
    ):
        shown = role if role != SECONDARY or decided else EXPLORATORY
        own = level / others.sum() if role == SECONDARY and others.any() else level
        numbers = (row["difference"], row["low"], row["high"], float(value))
        word = decide(*numbers, margin, level, question=question)
        found.append(
            {
                **{"role": shown, "p_adjusted": value, "margin": margin, "level": level},
                **{"verdict": (NOT_EVALUABLE if why else NO_VERDICT) if reason else word},
                "reason": reason,
                **dict(
                    zip(("detectable_low", "detectable_high"), _detectable(row, own), strict=True)
                ),
                **_shares(row),
            }
        )
    return found


def _role(contrast: str, primary: str, controls: Sequence[str]) -> str:
    if contrast == primary:
        return PRIMARY
    return CONTROL if contrast in controls else SECONDARY


def question_p(row: Mapping[str, Any], question: str, margin: float) -> Any:
    """Return the p value of a contrast's question; a one-sided one doubled, to fit the level.

    The row's difference, se, df and p are numbers, or arrays [n] of one shape.
    """
    if question == DIFFERENCE or not np.all(row["se"] > 0):
        return row["p"]
    t = (row["difference"] - null_difference(question, margin)) / row["se"]
    return np.minimum(1.0, 2 * stats.t.sf(t, row["df"]))


def null_difference(question: str, margin: float) -> float:
    """Return the true difference that a gain, or a one-sided question, is tested against."""
    return {NON_INFERIOR: -margin, SUPERIOR: margin}.get(question, 0.0)


def _unfit(contrast: str, unfit: Mapping[str, str]) -> str:
    """Return what is wrong with the synthesizers of a contrast's arms; empty if nothing is."""
    a, b = contrast_arms(contrast)
    return "; ".join(dict.fromkeys(unfit[arm] for arm in (a, b) if arm in unfit and a != b))


def _reason(row: Mapping[str, Any], unconverged: Mapping[str, str], least: int) -> str:
    """Return why a contrast gets no verdict; empty if it gets one."""
    a, b = contrast_arms(row["contrast"])
    if a == b:
        return ""  # whatever it was trained with, it does not differ from itself
    reasons = [
        f"arm {arm} did not converge: {unconverged[arm]}" for arm in (a, b) if arm in unconverged
    ]
    if math.isnan(row["difference"]):
        told = f": {row['note']}" if row.get("note") else ""
        reasons.append(f"the endpoint could not be estimated{told}")
    elif row["replicates"] < least:
        reasons.append(f"{row['replicates']} of at least {least} replicates")
    elif math.isnan(row["se"]):
        reasons.append("the interval could not be estimated from so few patients")
    return "; ".join(reasons)


def detectable(se: Numbers, df: Numbers, level: float) -> Numbers:
    """Return the minimal detectable effect: the difference found at `level` with 80 % power.

    (t(1 - level/2) + t(0.80)) x se, of numbers or arrays [n]; NaN where there is no variance.

    Source: Bloom, Eval Rev 19:547 (1995).
    """
    quantiles = stats.t.ppf(1 - level / 2, df) + stats.t.ppf(POWER, df)
    return np.where(np.asarray(se) > 0, quantiles * se, np.nan)


def _detectable(row: Mapping[str, Any], level: float) -> tuple[float, float]:
    """Return the range of the minimal detectable effect: a variance of df degrees is known so far.

    df x se^2 / variance follows a chi-square distribution.
    """
    se, df = row["se"], row["df"]
    least = float(detectable(se, df, level))
    if math.isnan(least):
        return least, least
    tails = (1 + UNCERTAINTY) / 2, (1 - UNCERTAINTY) / 2
    low, high = (least * math.sqrt(df / stats.chi2.ppf(tail, df)) for tail in tails)
    return low, high


def _shares(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of the variance due to patients, replicates, and both together."""
    both = row["v_residual"]
    terms = (max(0.0, row["v_patient"] - both), max(0.0, row["v_replicate"] - both), both)
    total = sum(terms) or math.nan
    return {name: term / total for name, term in zip(SHARES, terms, strict=True)}
