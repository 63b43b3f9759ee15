"""Sensitivity analyses: each verdict again, with one choice of the analysis made differently."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core.names import contrast_arms
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.contrasts import difference_row
from augtrial.statistics.intervals import crossed_interval
from augtrial.statistics.outcomes import ArmOutcomes, Outcomes
from augtrial.statistics.verdicts import EXPLORATORY, judge

AS_PLANNED = "as planned"
BY_LESION = "lesions as patients"
PLAIN = "without the limits for few discordant lesions"
SENSITIVITY_COLUMNS = [
    *("contrast", "analysis", "role", "endpoint", "class", "difference", "low", "high"),
    *("p_adjusted", "verdict", "reason", "unit", "replicates", "folds", "lesions", "patients"),
]


def sensitivity_table(
    predictions: pd.DataFrame,
    contrasts: Sequence[str],
    *,
    endpoint: tuple[str, str] = ("sensitivity", "macro"),
    margin: float = 0.03,
    confidence: float = 0.95,
    primary: str = "",
    controls: Sequence[str] = (),
    unconverged: Mapping[str, str] | None = None,
    unfit: Mapping[str, str] | None = None,
    diameters: Mapping[str, float] | None = None,
    outcomes: Outcomes = classification_outcomes,
) -> pd.DataFrame:
    """Return each contrast's verdict under other analyses, one row each; no verdict is based on it.

    The analyses: as planned; lesions as patients; each replicate left out (the rule of six
    replicates is not applied); without the limits for few discordant lesions. And, exploratory
    whatever the primary contrast says: each class by itself, and the smaller and larger half of
    the lesions by `diameters` (of each lesion_id, any unit). The other arguments are those of
    `comparison.compare`.
    """
    if not len(contrasts) or predictions.empty:
        return pd.DataFrame(columns=SENSITIVITY_COLUMNS)
    rows: list[dict[str, Any]] = []
    compared = {arm for contrast in contrasts for arm in contrast_arms(contrast)}
    predictions = predictions[predictions["arm"].isin(compared)]
    for one in _analyses(predictions, endpoint, diameters, outcomes):
        found = [_difference(one, contrast, confidence) for contrast in contrasts]
        failed = unconverged, unfit
        judged = judge(found, margin, 1 - confidence, primary, controls, *failed, least=2)
        explored = {"role": EXPLORATORY} if one.exploratory else {}
        for row, verdict in zip(found, judged, strict=True):
            rows.append({"analysis": one.name, **row, **verdict, **explored})
    place = {contrast: number for number, contrast in enumerate(contrasts)}
    rows.sort(key=lambda row: place[row["contrast"]])
    return pd.DataFrame(rows, columns=SENSITIVITY_COLUMNS)


@dataclass(frozen=True)
class _Analysis:
    name: str
    arms: Mapping[str, ArmOutcomes]
    endpoint: tuple[str, str]
    plain: bool = False
    exploratory: bool = False


def _analyses(
    predictions: pd.DataFrame,
    endpoint: tuple[str, str],
    diameters: Mapping[str, float] | None,
    outcomes: Outcomes,
) -> Iterator[_Analysis]:
    arms = outcomes(predictions)
    first = next(iter(arms.values()))
    yield _Analysis(AS_PLANNED, arms, endpoint)
    if first.panel.cases < len(first.panel.label):
        yield _Analysis(BY_LESION, outcomes(predictions.assign(patient_id="")), endpoint)
    for number, replicate in enumerate(first.panel.replicates):
        without = {name: _without(arm, number) for name, arm in arms.items()}
        yield _Analysis(f"without replicate {replicate}", without, endpoint)
    yield _Analysis(PLAIN, arms, endpoint, plain=True)
    for outcome in first.outcomes:
        if outcome.endpoint == endpoint[0] and outcome.category in first.panel.classes:
            of_class = (endpoint[0], outcome.category)
            yield _Analysis(f"{outcome.category} alone", arms, of_class, exploratory=True)
    if diameters is None:
        return
    sizes = predictions["lesion_id"].astype(str).map(diameters)
    middle = sizes[~predictions["lesion_id"].duplicated()].median()
    for name, half in (("smaller", sizes <= middle), ("larger", sizes > middle)):
        if half.any():
            arms = outcomes(predictions[half])
            yield _Analysis(f"the {name} half of the lesions", arms, endpoint, exploratory=True)


def _without(arm: ArmOutcomes, number: int) -> ArmOutcomes:
    """Return an arm's outcomes without one replicate; its panel stays as it is."""
    left = [
        replace(
            outcome,
            value=np.delete(outcome.value, number),
            psi=np.delete(outcome.psi, number, axis=1),
        )
        for outcome in arm.outcomes
    ]
    return replace(arm, outcomes=tuple(left))


def _difference(one: _Analysis, contrast: str, confidence: float) -> dict[str, Any]:
    names = contrast_arms(contrast)
    a, b = (one.arms[name].outcome(one.endpoint) for name in names)
    row = {"contrast": contrast, **difference_row(a, b, one.arms[names[0]].panel, confidence)}
    if one.plain and a is not b:
        row |= asdict(crossed_interval(a.sample() - b.sample(), confidence, parts=a.parts))
    return row
