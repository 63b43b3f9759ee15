"""The outcomes of a classification: sensitivity, specificity, accuracy and AUC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError
from augtrial.statistics.intervals import Strata, effective_trials, strata, whole
from augtrial.statistics.outcomes import ArmOutcomes, Outcome, mean_outcome
from augtrial.statistics.panel import COLUMNS, Panel, panels, require_columns
from augtrial.statistics.predictions import place

MOST_LEFT_OUT = 0.5  # of the folds, for a class; more leave no AUC
MIN_PATIENTS = 5  # of a class and of the others in a fold, for an AUC (docs/statistics.md)


@dataclass(frozen=True)
class ClassificationPanel(Panel):
    """One arm's predictions: `predicted` [n, R] are indices into `classes`.

    `probability` is [n, R, C].
    """

    predicted: np.ndarray
    probability: np.ndarray


def classification_panels(predictions: pd.DataFrame) -> dict[str, ClassificationPanel]:
    """Return each arm's predictions as a panel, in the order in which the arms come.

    `predictions` has one row a lesion, replicate and arm, with the columns of `panel.COLUMNS`,
    predicted, and one probability p_<class> for each class, in the order of the classes.

    Raises:
        UserError: a column is missing, a label has no probability column, a probability is no
            number in [0, 1], or an arm has not each lesion once in each replicate.
    """
    require_columns(predictions, [*COLUMNS, "predicted"])
    classes = tuple(name[2:] for name in predictions.columns if name.startswith("p_"))
    scores = [f"p_{name}" for name in classes]
    named = pd.unique(predictions[["label", "predicted"]].astype(str).to_numpy().ravel())
    unknown = [name for name in named if name not in classes]
    problems = [f"predictions: class {name!r} has no column 'p_{name}'" for name in unknown]
    probabilities = predictions[scores].apply(pd.to_numeric, errors="coerce").astype(float)
    values, cells = probabilities.to_numpy(float), predictions[scores].to_numpy()
    wrong = np.argwhere(~((values >= 0) & (values <= 1)))  # NaN is wrong
    problems += [
        f"{place(predictions, row)}: {scores[column]} is '{cells[row, column]}', not a probability "
        "in [0, 1]"
        for row, column in wrong[:5]
    ]
    if len(wrong) > 5:
        problems.append(f"in all {len(wrong):,} values of p_<class> are no probabilities")
    if problems:
        raise UserError(problems)
    coded = pd.Categorical(predictions["predicted"].astype(str), classes).codes
    rows = predictions.assign(predicted=coded, **probabilities)
    measured = {"predicted": "predicted", "probability": scores}
    return panels(rows, ClassificationPanel, measured, classes)


def classification_outcomes(predictions: pd.DataFrame) -> dict[str, ArmOutcomes]:
    """Return each arm's outcomes; the predictions are those of `classification_panels`."""
    return {
        arm: ArmOutcomes(panel, tuple(panel_outcomes(panel)), _correct(panel))
        for arm, panel in classification_panels(predictions).items()
    }


def panel_outcomes(panel: ClassificationPanel) -> Iterator[Outcome]:
    """Yield sensitivity and specificity by class, macro and weighted, accuracy and AUC."""
    for endpoint in ("sensitivity", "specificity"):
        rates = [_class_rate(panel, endpoint, c) for c in range(len(panel.classes))]
        yield from rates
        yield from _averages(panel, endpoint, rates)
    yield mean_outcome(panel, "accuracy", "all", _correct(panel), counted=True)
    yield _auc(panel)


def _correct(panel: ClassificationPanel) -> np.ndarray:
    """Return whether each lesion is right: [n, R]."""
    return panel.predicted == panel.label[:, None]


def _class_rate(panel: ClassificationPanel, endpoint: str, c: int) -> Outcome:
    """Return the sensitivity to class c, or the specificity, against all other classes."""
    positive, belongs = panel.predicted == c, panel.label == c
    if endpoint == "specificity":
        positive, belongs = ~positive, ~belongs
    return mean_outcome(panel, endpoint, panel.classes[c], positive, belongs, counted=True)


def _averages(panel: Panel, endpoint: str, rates: Sequence[Outcome]) -> Iterator[Outcome]:
    """Yield the plain average over the classes that occur, and the one weighted by class size.

    The weights of the latter depend on the patients: psi = sum_c w_c psi_c + value_c psi(w_c). At 0
    or 1 an average with weights w_c is worth min_c trials_c / w_c trials (all the unseen errors may
    lie in one class), and not more than all lesions are; an error of a specificity counts in one of
    C - 1 classes.
    """
    size = np.bincount(panel.label, minlength=len(panel.classes))
    occurs = np.flatnonzero(size)
    found = [rates[c] for c in occurs.tolist()]
    value = np.stack([rate.value for rate in found])
    psi = np.stack([rate.psi for rate in found])
    sizes = np.bincount(panel.case)
    everyone, lesions, weight = sizes > 0, len(panel.label), size[occurs] / len(panel.label)
    worth, most = np.array([rate.trials for rate in found]), effective_trials(sizes)
    weighted_trials = most
    if endpoint == "specificity":
        most *= max(1, len(found) - 1)
        weighted_trials = min(most, (worth / weight).min())

    def average(name: str, value: Any, psi: Any, trials: float, parts: Strata) -> Outcome:
        about = (everyone, lesions, trials, parts)
        return Outcome(endpoint, name, value, psi, *about, counted=True)

    numbers = np.array([rate.lesions for rate in found])
    patients = np.array([rate.relevant.sum() for rate in found])
    macro = value.mean(axis=0), psi.mean(axis=0), min(most, len(found) * worth.min())
    yield average("macro", *macro, strata(numbers, patients))
    belongs = (panel.label[:, None] == occurs).astype(float)
    weight_psi = panel.sum_by_case(belongs - weight) * (panel.cases / lesions)
    weighted_psi = np.tensordot(weight, psi, axes=1) + weight_psi @ value
    yield average("weighted", weight @ value, weighted_psi, weighted_trials, whole(panel.cases))


def _auc(panel: ClassificationPanel) -> Outcome:
    """Return the macro one-versus-rest AUC: of each class in each fold, averaged over folds, then
    over classes.

    A fold with few patients of a class, or of all others, is left out for that class. If more than
    half of the folds are left out for a class, the AUC is not estimable.
    """
    occurs = np.unique(panel.label)
    value = np.full(len(panel.replicates), np.nan)
    derivative = np.zeros(panel.predicted.shape)
    parts, left_out = [], np.zeros(len(occurs))
    for r in range(len(panel.replicates)):
        found = [_class_auc(panel, r, c) for c in occurs]
        value[r] = np.mean([each.area for each in found])
        derivative[:, r] = np.mean([each.derivative for each in found], axis=0)
        left_out += [each.left_out / len(panel.replicates) for each in found]
        if np.isfinite(value[r]):
            parts.append(strata(*np.concatenate([each.kinds for each in found]).T))

    note, worst = "", int(left_out.argmax()) if len(occurs) else 0
    if left_out.any():
        few = f"{MIN_PATIENTS} patients of {panel.classes[occurs[worst]]} or of the others"
        note = f"{100 * left_out[worst]:.0f} % of the folds have fewer than {few}"
        if left_out[worst] > MOST_LEFT_OUT:
            value[:] = np.nan
    groups = [among for c in occurs for among in (panel.label == c, panel.label != c)]
    trials = min(effective_trials(np.bincount(panel.case, weights=among)) for among in groups)
    psi = panel.sum_by_case(derivative) * panel.cases
    everyone, lesions = np.ones(panel.cases, dtype=bool), len(panel.label)
    known = np.array([(part.df, part.factor) for part in parts]).reshape(-1, 2)
    df, factor = known.mean(axis=0) if len(known) else (np.nan, np.nan)
    about = (everyone, lesions, trials, Strata(float(df), float(factor)))
    return Outcome("auc", "macro", value, psi, *about, counted=False, note=note)


@dataclass(frozen=True)
class _ClassAuc:
    """A class's AUC in one replicate, mean over folds, and its derivatives [n].

    `kinds` [parts, 2] are the lesions and patients of the class and of the others in each fold
    that counts, `left_out` is the share of the folds that do not.
    """

    area: float
    derivative: np.ndarray
    kinds: np.ndarray
    left_out: float


def _class_auc(panel: ClassificationPanel, r: int, c: int) -> _ClassAuc:
    areas, kinds, derivative = [], [], np.zeros(len(panel.label))
    folds = np.unique(panel.fold[:, r])
    for fold in folds:
        inside = panel.fold[:, r] == fold
        positive = panel.label[inside] == c
        sides = [(side.sum(), len(set(panel.case[inside][side]))) for side in (positive, ~positive)]
        if min(patients for _, patients in sides) < MIN_PATIENTS:
            continue
        area, derivative[inside] = placement_auc(panel.probability[inside, r, c], positive)
        areas.append(area)
        kinds += sides
    mean = float(np.mean(areas)) if areas else np.nan
    parts = np.array(kinds, dtype=float).reshape(-1, 2)
    left_out = 1 - len(areas) / len(folds)
    return _ClassAuc(mean, derivative / max(1, len(areas)), parts, left_out)


def placement_auc(score: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the AUC and the derivative of it by the weight of each lesion.

    A positive's placement is the share of the negatives that score lower (ties count half), a
    negative's the share of the positives that score higher; the derivative is (placement - AUC) /
    number of its own kind. Both arrays have shape [n], `positive` is boolean and neither all true
    nor all false.

    Sources: DeLong et al., Biometrics 44:837 (1988); Obuchowski, Biometrics 53:567 (1997),
    clustered data.
    """
    inside, outside = np.sort(score[positive]), np.sort(score[~positive])
    placement = np.empty(len(score))
    placement[positive] = _share_below(outside, score[positive])
    placement[~positive] = 1 - _share_below(inside, score[~positive])
    area = placement[positive].mean()
    return area, (placement - area) / np.where(positive, len(inside), len(outside))


def _share_below(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the share of sorted values that lie below each value; equal ones count half."""
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return below / (2 * len(ordered))
