"""The influence of each patient on an endpoint, which every interval stands on.

An *influence table* is an endpoint's value in each replicate and, for each patient and replicate,
how far that patient pulls it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from augtrial.intervals import effective_trials
from augtrial.panel import Panel


@dataclass(frozen=True)
class Influence:
    """An endpoint's value in each replicate and each patient's influence on it.

    `psi` [P, R] is the infinitesimal jackknife, P times the derivative of the endpoint by the
    weight of patient p: its mean over patients is 0, and value + psi behaves like a sample of P
    patients whose mean is the endpoint (Efron, The Jackknife, the Bootstrap and Other Resampling
    Plans, 1982, ch. 6). `bearing` [P] marks the patients whom the endpoint is about, `lesions`
    counts theirs, `trials` is what they are worth at 0 or 1 (`intervals.effective_trials`), `pull`
    is how far one lesion can move it, and `skipped` counts parts that could not be estimated.
    """

    endpoint: str
    category: str
    value: np.ndarray
    psi: np.ndarray
    bearing: np.ndarray
    lesions: int
    trials: float
    pull: float
    skipped: int = 0

    def sample(self) -> np.ndarray:
        """Return value + psi over the bearing patients and the estimable replicates: [P', R'].

        Patients without a bearing have no influence; leaving them out (and rescaling psi to
        those that remain) gives a class of three lesions two degrees of freedom, not P - 1.
        """
        estimable = np.isfinite(self.value)
        psi = self.psi[np.ix_(self.bearing, estimable)]
        return self.value[estimable] + psi * (self.bearing.sum() / len(self.bearing))


def influences(panel: Panel) -> Iterator[Influence]:
    """Yield the influence table of every endpoint, in the order of the tables."""
    for endpoint in ("sensitivity", "specificity"):
        each = [_class_rate(panel, endpoint, c) for c in range(len(panel.classes))]
        yield from each
        yield from _averages(panel, endpoint, each)
    right = panel.predicted == panel.label[:, None]
    yield _rate(panel, "accuracy", "all", right, np.ones(len(panel.label), dtype=bool))
    yield _auc(panel)


def _class_rate(panel: Panel, endpoint: str, c: int) -> Influence:
    """Return the sensitivity to class c, or the specificity, against all other classes."""
    called, belongs = panel.predicted == c, panel.label == c
    if endpoint == "specificity":
        called, belongs = ~called, ~belongs
    return _rate(panel, endpoint, panel.classes[c], called, belongs)


def _rate(
    panel: Panel, endpoint: str, category: str, right: np.ndarray, among: np.ndarray
) -> Influence:
    """Return the share of `right` [n, R] among some lesions [n], a ratio of sums over patients.

    psi_p = (P / n_among) x sum over the lesions i of p among them of (right_i - value).
    """
    count, sizes = int(among.sum()), np.bincount(panel.case, weights=among)
    value = right[among].mean(axis=0) if count else np.full(right.shape[1], np.nan)
    pull = np.where(among[:, None], right - value, 0.0)
    psi = panel.by_case(pull) * (panel.cases / max(count, 1))
    trials, one = effective_trials(sizes), 1 / max(count, 1)
    return Influence(endpoint, category, value, psi, sizes > 0, count, trials, one)


def _averages(panel: Panel, endpoint: str, each: list[Influence]) -> Iterator[Influence]:
    """Yield the plain average over the classes that occur, and the one weighted by class size.

    The weights of the latter are the share of each class among the lesions, and are the
    patients' own too: psi = sum_c w_c psi_c + value_c psi(w_c). So weighted sensitivity is
    accuracy in its interval as well as in its value. At 0 or 1 an average with weights w_c is
    worth min_c trials_c / w_c trials (all the unseen errors may lie in one class), and not more
    than all lesions are.
    """
    size = np.bincount(panel.label, minlength=len(panel.classes))
    occurs = np.flatnonzero(size)
    value = np.stack([each[c].value for c in occurs])
    psi = np.stack([each[c].psi for c in occurs])
    sizes = np.bincount(panel.case)
    everyone, lesions, trials = sizes > 0, len(panel.label), effective_trials(sizes)

    mean_psi = psi.mean(axis=0)
    weakest = min(trials, min(each[c].trials for c in occurs) * len(occurs))
    macro, one = value.mean(axis=0), max(each[c].pull for c in occurs) / len(occurs)
    yield Influence(endpoint, "macro", macro, mean_psi, everyone, lesions, weakest, one)

    weight = size[occurs] / lesions
    belongs = (panel.label[:, None] == occurs).astype(float)
    mix = panel.by_case(belongs - weight) * (panel.cases / lesions)
    weighted_psi = np.tensordot(weight, psi, axes=1) + mix @ value
    pooled, one = weight @ value, max(each[c].pull * w for c, w in zip(occurs, weight, strict=True))
    yield Influence(endpoint, "weighted", pooled, weighted_psi, everyone, lesions, trials, one)


def _auc(panel: Panel) -> Influence:
    """Return the macro one-versus-rest AUC: of each class in each fold, averaged over folds, then
    over classes.

    Scores of different folds come from different networks and are never pooled. A fold in which
    a class is missing, or stands alone, is left out for that class and counted.
    """
    occurs = np.unique(panel.label)
    value = np.full(len(panel.replicates), np.nan)
    pull = np.zeros(panel.predicted.shape)
    skipped = 0
    for r in range(len(panel.replicates)):
        found = [_class_auc(panel, r, c) for c in occurs]
        skipped += sum(missing for _, _, missing in found)
        estimable = [(area, share) for area, share, _ in found if np.isfinite(area)]
        if estimable:
            value[r] = np.mean([area for area, _ in estimable])
            pull[:, r] = np.mean([share for _, share in estimable], axis=0)

    def patients(lesions: np.ndarray) -> float:
        return effective_trials(np.bincount(panel.case, weights=lesions))

    trials = min(min(patients(panel.label == c), patients(panel.label != c)) for c in occurs)
    psi = panel.by_case(pull) * panel.cases
    everyone = np.ones(panel.cases, dtype=bool)
    lesions = len(panel.label)
    return Influence("auc", "macro", value, psi, everyone, lesions, trials, 1 / lesions, skipped)


def _class_auc(panel: Panel, r: int, c: int) -> tuple[float, np.ndarray, int]:
    """Return one class's AUC in one replicate (mean over folds), pulls [n], folds left out."""
    areas, pull, missing = [], np.zeros(len(panel.label)), 0
    for fold in np.unique(panel.fold[:, r]):
        inside = panel.fold[:, r] == fold
        positive = panel.label[inside] == c
        if positive.all() or not positive.any():
            missing += 1
            continue
        area, pull[inside] = placement_auc(panel.probability[inside, r, c], positive)
        areas.append(area)
    return (np.mean(areas), pull / len(areas), missing) if areas else (np.nan, pull, missing)


def placement_auc(score: np.ndarray, positive: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the AUC and the derivative of it by the weight of each lesion.

    A positive's placement is the share of the negatives that score lower (ties count half), a
    negative's the share of the positives that score higher; the AUC is the mean of either. The
    derivative is (placement - AUC) / number of its own kind; summed over a patient's lesions of
    both kinds it is the clustered structural component.

    Both arrays have shape [n], `positive` is boolean and neither all true nor all false.
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
