"""A panel: one arm's predictions as arrays, checked to be complete."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from augtrial.errors import UserError

COLUMNS = ["lesion_id", "patient_id", "fold", "replicate", "arm", "label", "predicted"]


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
    numbers = predictions[scores].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers.to_numpy(dtype=float)).all():
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
