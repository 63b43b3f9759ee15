"""Endpoints of an arm: sensitivity, specificity, accuracy, AUC, and each patient's share in them.

Everything that `contrasts` and the intervals need is the *influence table* of an endpoint: its
value in each replicate, and for each patient and replicate how far that patient pulls it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.metrics import confusion_matrix

from augtrial.errors import UserError
from augtrial.intervals import effective_trials, proportion_interval

COLUMNS = ["lesion_id", "patient_id", "fold", "replicate", "arm", "label", "predicted"]
ENDPOINT_COLUMNS = [
    *("arm", "endpoint", "class", "value", "sd", "low", "high"),
    *("replicates", "folds", "lesions", "patients", "method"),
]


@dataclass(frozen=True)
class Panel:
    """One arm's predictions as arrays: n lesions in order of their ids, R replicates, C classes.

    `label` [n] and `predicted` [n, R] are indices into `classes`; `case` [n] numbers the patients
    0..P-1, or the lesions where the table has no patient ids; `probability` is [n, R, C].
    """

    arm: str
    classes: tuple[str, ...]
    replicates: tuple
    lesion_id: np.ndarray
    label: np.ndarray
    case: np.ndarray
    fold: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray
    has_patients: bool

    @property
    def cases(self) -> int:
        """Return P, the number of patients (of lesions without patient ids)."""
        return int(self.case.max()) + 1

    @property
    def folds(self) -> int:
        """Return the number of folds."""
        return len(np.unique(self.fold))

    def by_case(self, lesions: np.ndarray) -> np.ndarray:
        """Return the sums over each patient's lesions: [n, ...] to [P, ...]."""
        total = np.zeros((self.cases, *lesions.shape[1:]))
        np.add.at(total, self.case, lesions)
        return total


@dataclass(frozen=True)
class Influence:
    """An endpoint's value in each replicate and each patient's influence on it.

    `psi` [P, R] is the infinitesimal jackknife, P times the derivative of the endpoint by the
    weight of patient p: its mean over patients is 0, and value + psi behaves like a sample of P
    patients whose mean is the endpoint (Efron, The Jackknife, the Bootstrap and Other Resampling
    Plans, 1982, ch. 6). `bearing` [P] marks the patients whom the endpoint is about, `lesions`
    counts theirs, `trials` is what they are worth at 0 or 1 (`intervals.effective_trials`), and
    `skipped` counts parts that could not be estimated.
    """

    endpoint: str
    category: str
    value: np.ndarray
    psi: np.ndarray
    bearing: np.ndarray
    lesions: int
    trials: float
    skipped: int = 0

    def sample(self) -> np.ndarray:
        """Return value + psi over the bearing patients and the estimable replicates: [P', R'].

        Patients without a bearing have no influence; leaving them out (and rescaling psi to
        those that remain) gives a class of three lesions two degrees of freedom, not P - 1.
        """
        estimable = np.isfinite(self.value)
        psi = self.psi[np.ix_(self.bearing, estimable)]
        return self.value[estimable] + psi * (self.bearing.sum() / len(self.bearing))


def endpoint_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return every endpoint of every arm with its interval, one row each.

    Columns: arm, endpoint, class, value (mean over the replicates of the endpoint, never from
    averaged probabilities), sd (over replicates; NaN for one), low, high, replicates, folds,
    lesions and patients (those that the endpoint is about: 53 cysts for the sensitivity to
    cysts), method (what the interval stands on). What cannot be estimated is NaN.

    Raises:
        UserError: columns or lesions are missing, or doubled (see `panels`).
    """
    rows = []
    for panel in panels(predictions).values():
        for item in influences(panel):
            sample = item.sample()
            interval, wilson = proportion_interval(
                sample, item.trials, confidence, counted=item.endpoint != "auc"
            )
            values = item.value[np.isfinite(item.value)]
            rows.append(
                {
                    "arm": panel.arm,
                    "endpoint": item.endpoint,
                    "class": item.category,
                    "value": values.mean() if len(values) else np.nan,
                    "sd": values.std(ddof=1) if len(values) > 1 else np.nan,
                    "low": interval.low,
                    "high": interval.high,
                    "replicates": len(values),
                    "folds": panel.folds,
                    "lesions": item.lesions,
                    "patients": int(item.bearing.sum()),
                    "method": _method(panel, item, len(values), wilson),
                }
            )
    return pd.DataFrame(rows, columns=ENDPOINT_COLUMNS)


def _method(panel: Panel, item: Influence, replicates: int, wilson: bool) -> str:
    """Return in words what the interval stands on."""
    if not replicates:
        return "not estimable"
    words = "patients" if panel.has_patients else "lesions as patients"
    words += " x replicates" if replicates > 1 else ""
    words += ", Wilson" if wilson else ", t"
    return words + (f", {item.skipped} folds x classes not estimable" if item.skipped else "")


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return counts of lesions by arm, replicate, label and predicted, zeros included."""
    rows = [
        (panel.arm, replicate, label, predicted, int(matrix[i, j]))
        for panel in panels(predictions).values()
        for r, replicate in enumerate(panel.replicates)
        for matrix in [_confusion(panel, r)]
        for i, label in enumerate(panel.classes)
        for j, predicted in enumerate(panel.classes)
    ]
    return pd.DataFrame(rows, columns=["arm", "replicate", "label", "predicted", "count"])


def _confusion(panel: Panel, r: int) -> np.ndarray:
    """Return the confusion matrix of one replicate: rows true, columns predicted."""
    return confusion_matrix(
        panel.label, panel.predicted[:, r], labels=np.arange(len(panel.classes))
    )


def confusion_endpoints(matrix: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return endpoint, class, value of a confusion matrix (rows true, columns predicted).

    Sensitivity and specificity of each class against the rest, their averages `macro` (plain)
    and `weighted` (by class size) over the classes that occur, and accuracy. A class without
    lesions has no sensitivity (NaN).
    """
    matrix = np.asarray(matrix, dtype=float)
    size, total, hit = matrix.sum(axis=1), matrix.sum(), np.diag(matrix)
    others = total - size
    rejected = others - (matrix.sum(axis=0) - hit)
    occurs = size > 0
    rows = []
    for endpoint, good, of in (("sensitivity", hit, size), ("specificity", rejected, others)):
        rate = np.divide(good, of, out=np.full(len(of), np.nan), where=of > 0)
        rows += [(endpoint, name, value) for name, value in zip(classes, rate, strict=True)]
        rows.append((endpoint, "macro", rate[occurs].mean()))
        rows.append((endpoint, "weighted", (rate * size)[occurs].sum() / total))
    rows.append(("accuracy", "all", hit.sum() / total))
    return pd.DataFrame(rows, columns=["endpoint", "class", "value"])


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
    return Influence(endpoint, category, value, psi, sizes > 0, count, effective_trials(sizes))


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
    weakest = min(each[c].trials for c in occurs) * len(occurs)
    yield Influence(
        endpoint, "macro", value.mean(axis=0), mean_psi, everyone, lesions, min(trials, weakest)
    )

    weight = size[occurs] / lesions
    belongs = (panel.label[:, None] == occurs).astype(float)
    mix = panel.by_case(belongs - weight) * (panel.cases / lesions)
    weighted_psi = np.tensordot(weight, psi, axes=1) + mix @ value
    yield Influence(endpoint, "weighted", weight @ value, weighted_psi, everyone, lesions, trials)


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
    return Influence("auc", "macro", value, psi, everyone, len(panel.label), trials, skipped)


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


def panels(predictions: pd.DataFrame) -> dict[str, Panel]:
    """Return each arm's predictions as a `Panel`, in the order in which the arms come.

    `predictions` has one row a lesion, replicate and arm, with the columns of `COLUMNS` and one
    probability p_<class> for each class, in the order of the classes.

    Raises:
        UserError: a column is missing, a label has no probability column, a probability is no
            number, or an arm has not each lesion once in each replicate.
    """
    missing = [name for name in COLUMNS if name not in predictions]
    if missing:
        raise UserError(f"predictions: no column {', '.join(missing)}")
    classes = tuple(name[2:] for name in predictions.columns if name.startswith("p_"))
    scores = [f"p_{name}" for name in classes]
    named = pd.unique(predictions[["label", "predicted"]].astype(str).to_numpy().ravel())
    problems = [
        f"predictions: class {name!r} has no column 'p_{name}'"
        for name in named
        if name not in classes
    ]
    if not np.isfinite(predictions[scores].to_numpy(dtype=float)).all():
        problems.append(f"predictions: {', '.join(scores)} hold values that are no numbers")
    if problems:
        raise UserError(problems)
    if predictions.empty:
        return {}
    patient = predictions["patient_id"].astype(object)
    frame = predictions.assign(
        lesion_id=predictions["lesion_id"].astype(str),
        patient_id=patient.where(patient.notna(), "").astype(str),
        fold=pd.factorize(predictions["fold"], sort=True)[0],
        label=pd.Categorical(predictions["label"].astype(str), classes).codes,
        predicted=pd.Categorical(predictions["predicted"].astype(str), classes).codes,
    ).sort_values(["replicate", "lesion_id"], kind="stable")
    return {
        arm: _panel(arm, classes, frame[frame["arm"] == arm], scores)
        for arm in predictions["arm"].unique()
    }


def _panel(arm: str, classes: tuple[str, ...], rows: pd.DataFrame, scores: list[str]) -> Panel:
    """Return the panel of an arm from its rows, sorted by replicate and lesion."""
    _require_crossed(arm, rows)
    replicates = tuple(rows["replicate"].unique())

    def table(columns: str | list[str]) -> np.ndarray:
        """Return rows x columns as [n, R, ...]."""
        values = rows[columns].to_numpy()
        return np.swapaxes(values.reshape(len(replicates), -1, *values.shape[1:]), 0, 1)

    lesion, patient = table("lesion_id")[:, 0], table("patient_id")[:, 0]
    # A lesion without a patient id is a case of its own, whatever patients are called.
    case = pd.factorize(
        np.where(patient == "", "lesion " + lesion, "patient " + patient), sort=True
    )[0]
    return Panel(
        arm=arm,
        classes=classes,
        replicates=replicates,
        lesion_id=lesion,
        label=table("label")[:, 0],
        case=case,
        fold=table("fold"),
        predicted=table("predicted"),
        probability=table(scores).astype(float),
        has_patients=bool((patient != "").all()),
    )


def _require_crossed(arm: str, rows: pd.DataFrame) -> None:
    """Raise unless each replicate holds each lesion once, with the same label and patient."""
    problems = []
    count = rows.groupby(["lesion_id", "replicate"]).size().unstack(fill_value=0)
    for i, j in np.argwhere(count.to_numpy() != 1)[:5]:
        problems.append(
            f"arm {arm!r}: lesion {count.index[i]!r} stands {count.iat[i, j]} times in replicate "
            f"{count.columns[j]}; it must stand there once"
        )
    for column in ("label", "patient_id"):
        kinds = rows.groupby("lesion_id")[column].nunique()
        problems += [
            f"arm {arm!r}: lesion {lesion!r} has {kinds[lesion]} different values of {column}"
            for lesion in kinds[kinds > 1].index[:5]
        ]
    if problems:
        raise UserError(problems, title="predictions do not fit together")
