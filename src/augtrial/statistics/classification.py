"""The outcomes of a classification: sensitivity, specificity, accuracy and AUC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from augtrial.core.errors import UserError
from augtrial.core.names import count
from augtrial.statistics.intervals import effective_trials
from augtrial.statistics.outcomes import ArmOutcomes, Outcome, mean_outcome
from augtrial.statistics.panel import COLUMNS, Panel, panels, require_columns


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
    wrong = np.argwhere(~((probabilities >= 0) & (probabilities <= 1)).to_numpy())  # NaN is wrong
    if len(wrong):
        row, column = predictions.iloc[wrong[0, 0]], scores[wrong[0, 1]]
        where = ", ".join(f"{name} {row[name]}" for name in COLUMNS[:5] if name != "patient_id")
        number = count(len(wrong), "value")
        problems.append(
            f"predictions: {number} of p_<class> not a probability in [0, 1], "
            f"first {column} of {where}: '{row[column]}'"
        )
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
    lie in one class), and not more than all lesions are.
    """
    size = np.bincount(panel.label, minlength=len(panel.classes))
    occurs = np.flatnonzero(size)
    found = [rates[c] for c in occurs.tolist()]
    value = np.stack([rate.value for rate in found])
    psi = np.stack([rate.psi for rate in found])
    max_influence = np.array([rate.max_influence for rate in found])
    sizes = np.bincount(panel.case)
    everyone, lesions, trials = sizes > 0, len(panel.label), effective_trials(sizes)

    def average(name: str, value: Any, psi: Any, trials: float, largest: Any) -> Outcome:
        return Outcome(endpoint, name, value, psi, everyone, lesions, trials, largest, counted=True)

    macro_trials = min(trials, min(rate.trials for rate in found) * len(found))
    largest = max_influence.max() / len(found)
    yield average("macro", value.mean(axis=0), psi.mean(axis=0), macro_trials, largest)
    weight = size[occurs] / lesions
    belongs = (panel.label[:, None] == occurs).astype(float)
    weight_psi = panel.sum_by_case(belongs - weight) * (panel.cases / lesions)
    weighted_psi = np.tensordot(weight, psi, axes=1) + weight_psi @ value
    largest = (max_influence * weight).max()
    yield average("weighted", weight @ value, weighted_psi, trials, largest)


def _auc(panel: ClassificationPanel) -> Outcome:
    """Return the macro one-versus-rest AUC: of each class in each fold, averaged over folds, then
    over classes.

    A fold in which a class is missing, or stands alone, is left out for that class and counted.
    """
    occurs = np.unique(panel.label)
    value = np.full(len(panel.replicates), np.nan)
    derivative = np.zeros(panel.predicted.shape)
    skipped = 0
    for r in range(len(panel.replicates)):
        found = [_class_auc(panel, r, c) for c in occurs]
        skipped += sum(missing for _, _, missing in found)
        estimable = [(area, slope) for area, slope, _ in found if np.isfinite(area)]
        if estimable:
            value[r] = np.mean([area for area, _ in estimable])
            derivative[:, r] = np.mean([slope for _, slope in estimable], axis=0)

    groups = [among for c in occurs for among in (panel.label == c, panel.label != c)]
    trials = min(effective_trials(np.bincount(panel.case, weights=among)) for among in groups)
    psi = panel.sum_by_case(derivative) * panel.cases
    everyone, lesions = np.ones(panel.cases, dtype=bool), len(panel.label)
    about = (everyone, lesions, trials, 1 / lesions)
    return Outcome("auc", "macro", value, psi, *about, counted=False, skipped=skipped)


def _class_auc(panel: ClassificationPanel, r: int, c: int) -> tuple[float, np.ndarray, int]:
    """Return a class's AUC in one replicate (mean over folds), derivatives [n], folds left out."""
    areas, derivative, missing = [], np.zeros(len(panel.label)), 0
    for fold in np.unique(panel.fold[:, r]):
        inside = panel.fold[:, r] == fold
        positive = panel.label[inside] == c
        if positive.all() or not positive.any():
            missing += 1
            continue
        area, derivative[inside] = placement_auc(panel.probability[inside, r, c], positive)
        areas.append(area)
    if not areas:
        return np.nan, derivative, missing
    return float(np.mean(areas)), derivative / len(areas), missing


def placement_auc(score: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the AUC and the derivative of it by the weight of each lesion.

    A positive's placement is the share of the negatives that score lower (ties count half), a
    negative's the share of the positives that score higher; the derivative is (placement - AUC) /
    number of its own kind. Both arrays have shape [n], `positive` is boolean and neither all true
    nor all false.

    Sources: DeLong et al., Biometrics 44:837 (1988); Obuchowski, Biometrics 53:567 (1997),
    clustered data; the ranks: Sun & Xu, IEEE Signal Process Lett 21:1389 (2014).
    """
    rank, negative = rankdata(score), ~positive
    positives, negatives = positive.sum(), negative.sum()
    placement = np.empty(len(score))
    placement[positive] = (rank[positive] - rankdata(score[positive])) / negatives
    placement[negative] = 1 - (rank[negative] - rankdata(score[negative])) / positives
    area = placement[positive].mean()
    return area, (placement - area) / np.where(positive, positives, negatives)
