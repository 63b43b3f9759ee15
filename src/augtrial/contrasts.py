"""Contrasts: paired differences between two arms, for new patients and re-runs of the recipe."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from augtrial.endpoints import FRACTION
from augtrial.errors import UserError
from augtrial.influence import Influence, influences
from augtrial.intervals import difference_interval
from augtrial.panel import Panel, panels
from augtrial.spelling import SEPARATOR, contrast_arms, hint

CONTRAST_COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high", "p", "se", "df", "unit"),
    *("replicates", "folds", "lesions", "patients", "v_patient", "v_replicate", "v_residual"),
]


def contrast_table(
    predictions: pd.DataFrame, contrasts: Iterable[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return the difference of every endpoint for every contrast "a - b", one row each.

    Columns: contrast, endpoint, class, difference (arm a minus arm b, mean over replicates),
    low, high (within [-1, 1]) and p (`intervals.difference_interval` of the paired influence
    values), se, df, unit, v_patient, v_replicate, v_residual (`intervals.crossed_interval`),
    replicates, folds, lesions and patients (as in `endpoints.endpoint_table`).

    An arm differs from itself by nothing, and that is certain; of two arms without a difference
    it is not, and the interval says what could still be.

    Raises:
        UserError: a contrast names an arm that is not in the predictions, or its arms do not
            have the same lesions, labels, patients, replicates and folds.
    """
    by_arm = panels(predictions)
    pairs = {contrast: contrast_arms(contrast) for contrast in contrasts}
    unknown = [problem for contrast in pairs for problem in _unknown_arms(contrast, by_arm)]
    if unknown:
        raise UserError(unknown, title="contrasts name arms that the predictions do not have")
    unpaired = [
        f"{contrast}: {problem}"
        for contrast, (a, b) in pairs.items()
        for problem in _mismatches(by_arm[a], by_arm[b])
    ]
    if unpaired:
        raise UserError(unpaired, title="contrasts need both arms on the same predictions")

    named = dict.fromkeys(arm for a, b in pairs.values() for arm in (a, b))
    shares = {arm: list(influences(by_arm[arm])) for arm in named}
    rows = [
        {"contrast": contrast, **difference_row(one, other, by_arm[a], confidence)}
        for contrast, (a, b) in pairs.items()
        for one, other in zip(shares[a], shares[b], strict=True)
    ]
    return pd.DataFrame(rows, columns=CONTRAST_COLUMNS)


def _unknown_arms(contrast: str, arms: Iterable[str]) -> list[str]:
    """Return what is wrong with the name of a contrast, each with the nearest spelling."""
    if SEPARATOR not in contrast:
        return [f"contrast {contrast!r}: write it as 'one arm{SEPARATOR}other arm'"]
    return [
        f"contrast {contrast!r}: no arm {name!r}{hint(name, arms)}"
        for name in contrast_arms(contrast)
        if name not in arms
    ]


def _mismatches(one: Panel, other: Panel) -> list[str]:
    """Return what keeps the predictions of two arms from being paired."""
    problems = []
    for what, a, b in (
        ("lesions", one.lesion_id, other.lesion_id),
        ("replicates", one.replicates, other.replicates),
    ):
        only = [
            f"{what} {', '.join(map(str, sorted(set(x) - set(y))[:5]))} only in arm {arm!r}"
            for x, y, arm in ((a, b, one.arm), (b, a, other.arm))
            if set(x) - set(y)
        ]
        problems += only
    if problems:
        return problems
    for what, a, b in (
        ("label", one.label, other.label),
        ("patient", one.case, other.case),
        ("fold", one.fold, other.fold),
    ):
        differs = np.not_equal(a, b).reshape(len(one.lesion_id), -1).any(axis=1)
        if differs.any():
            lesions = ", ".join(one.lesion_id[differs][:5])
            problems.append(f"the {what} differs between its arms for lesions {lesions}")
    return problems


def difference_row(one: Influence, other: Influence, panel: Panel, confidence: float) -> dict:
    """Return a row of the table, but for its contrast: one endpoint's paired difference.

    Both arms' influences come in the same order of patients and replicates; `panel` is either's.
    """
    values = one.sample() - other.sample()
    pull = 0.0 if one is other else one.pull
    interval, p = difference_interval(values, pull, confidence, counted=one.endpoint != "auc")
    replicates = values.shape[1] if values.size else 0
    return {
        "endpoint": one.endpoint,
        "class": one.category,
        "difference": float(values.mean()) if values.size else float("nan"),
        "low": interval.low,
        "high": interval.high,
        "p": p,
        "se": interval.se,
        "df": interval.df,
        "unit": FRACTION,
        "replicates": replicates,
        "folds": panel.folds,
        "lesions": one.lesions,
        "patients": int(one.bearing.sum()),
        "v_patient": interval.v_patient,
        "v_replicate": interval.v_replicate,
        "v_residual": interval.v_residual,
    }
