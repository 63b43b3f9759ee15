"""Contrasts: paired differences between two arms, for new patients and re-runs of the recipe."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError
from augtrial.core.names import QUESTIONS, SEPARATOR, contrast_arms, hint
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.endpoints import FRACTION
from augtrial.statistics.intervals import difference_interval
from augtrial.statistics.outcomes import Outcome, Outcomes
from augtrial.statistics.panel import Panel

CONTRAST_COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high", "p", "se", "df", "unit"),
    *("replicates", "folds", "lesions", "patients", "cases"),
    *("v_patient", "v_replicate", "v_residual", "note"),
]


def contrast_table(
    predictions: pd.DataFrame,
    contrasts: Iterable[str],
    *,
    confidence: float = 0.95,
    outcomes: Outcomes = classification_outcomes,
) -> pd.DataFrame:
    """Return the difference of every endpoint for every contrast "a - b", one row each.

    The difference is arm a minus arm b, mean over replicates; interval and p are those of
    `intervals.difference_interval` of the paired influence values, the variance terms those of
    `intervals.crossed_interval`, the counts those of `endpoints.endpoint_table`.

    Raises:
        UserError: a contrast names an arm that is not in the predictions, or its arms do not
            have the same lesions, labels, patients, replicates and folds.
    """
    by_arm = outcomes(predictions)
    pairs = {contrast: contrast_arms(contrast) for contrast in contrasts}
    unknown = [problem for contrast in pairs for problem in unknown_arms(contrast, by_arm)]
    if unknown:
        raise UserError(unknown, title="contrasts name arms that the predictions do not have")
    unpaired = [
        f"{contrast}: {problem}"
        for contrast, (a, b) in pairs.items()
        for problem in mismatches(by_arm[a].panel, by_arm[b].panel)
    ]
    if unpaired:
        raise UserError(unpaired, title="contrasts need both arms on the same predictions")
    rows = [
        {"contrast": contrast, **difference_row(*pair, by_arm[a].panel, confidence)}
        for contrast, (a, b) in pairs.items()
        for pair in zip(by_arm[a].outcomes, by_arm[b].outcomes, strict=True)
    ]
    return pd.DataFrame(rows, columns=CONTRAST_COLUMNS)


def unknown_arms(contrast: str, arms: Iterable[str]) -> list[str]:
    """Return what is wrong with the name of a contrast, each with the nearest spelling."""
    if not any(between in contrast for between in QUESTIONS.values()):
        return [f"contrast {contrast!r}: write it as 'one arm{SEPARATOR}other arm'"]
    return [
        f"contrast {contrast!r}: no arm {name!r}{hint(name, arms)}"
        for name in contrast_arms(contrast)
        if name not in arms
    ]


def mismatches(a: Panel, b: Panel) -> list[str]:
    """Return what keeps the predictions of two arms from being paired."""
    problems = []
    for what, field in (("lesions", "lesion_id"), ("replicates", "replicates")):
        for here, there in ((a, b), (b, a)):
            if extra := sorted(set(getattr(here, field)) - set(getattr(there, field))):
                shown = ", ".join(map(str, extra[:5]))
                problems.append(f"{what} {shown} only in arm {here.arm!r}")
    if problems:
        return problems
    for what, field in (("label", "label"), ("patient", "patient_id"), ("fold", "fold")):
        unequal = np.not_equal(getattr(a, field), getattr(b, field))
        differs = unequal.reshape(len(a.lesion_id), -1).any(axis=1)
        if differs.any():
            lesions = ", ".join(a.lesion_id[differs][:5])
            problems.append(f"the {what} differs between its arms for lesions {lesions}")
    return problems


def difference_row(a: Outcome, b: Outcome, panel: Panel, confidence: float) -> dict[str, Any]:
    """Return a row of the table, but for its contrast: one endpoint's paired difference.

    Both arms' outcomes come in the same order of patients and replicates; `panel` is either's.
    """
    values = a.sample() - b.sample()
    options: dict[str, Any] = {"counted": a.counted, "parts": a.parts}
    options["allowance"] = panel.paired_training(counted=a.counted)
    interval, p = difference_interval(values, a.trials, confidence, **options)
    if a is b and values.size:
        interval, p = replace(interval, low=0.0, high=0.0, se=0.0, df=float("nan")), 1.0
    return {
        "endpoint": a.endpoint,
        "class": a.category,
        "difference": float(values.mean()) if values.size else float("nan"),
        **asdict(interval),
        **{"p": p, "unit": FRACTION, "replicates": values.shape[1] if values.size else 0},
        **{"folds": panel.folds, "lesions": a.lesions, "patients": int(a.relevant.sum())},
        **{"cases": panel.kind_of_case, "note": a.note},
    }
