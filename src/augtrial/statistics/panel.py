"""Panels: one arm's results as arrays, checked to be complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError

FEW_PATIENTS = 40  # so few need twice the allowance for shared training lesions
PAIRED_COUNTED, PAIRED_AREA = 1 / 8, 1 / 2  # of it remain in a difference between arms


def training_allowance(folds: int, cases: int) -> float:
    """Return the factor on an arm's variance for so many folds and patients."""
    return 1.0 if folds == 1 else 1 + (1 + FEW_PATIENTS / cases) / (folds - 1)


def paired_allowance(folds: int, cases: int, *, counted: bool) -> float:
    """Return the factor on the variance of a difference between arms, from the same simulation.

    Arms that learn alike gain and lose alike from another cohort. Of others, the difference keeps
    an eighth of an arm's allowance, or half of it where the endpoint is no count of right answers.
    """
    share = PAIRED_COUNTED if counted else PAIRED_AREA
    return 1 + share * (training_allowance(folds, cases) - 1)


LESIONS_AS_PATIENTS = "lesions as patients"  # an interval is too narrow if a patient has several
COLUMNS = ["lesion_id", "patient_id", "fold", "replicate", "arm", "label"]


@dataclass(frozen=True)
class Panel:
    """One arm's results: n lesions in order of their ids, R replicates, C classes, P patients.

    `label` [n] are indices into `classes`; `patient_id` [n] is "" where the table has none; `case`
    [n] numbers the patients 0..P-1, or the lesions without patient ids; `fold` is [n, R]. A task
    adds what it measures as arrays [n, R, ...].
    """

    arm: str
    classes: tuple[str, ...]
    replicates: tuple
    lesion_id: np.ndarray
    label: np.ndarray
    patient_id: np.ndarray
    case: np.ndarray
    fold: np.ndarray
    has_patients: bool

    @property
    def cases(self) -> int:
        """Return P, the number of patients (of lesions without patient ids)."""
        return int(self.case.max()) + 1

    @property
    def kind_of_case(self) -> str:
        """What the cases are: patients, or lesions that are treated as patients."""
        return "patients" if self.has_patients else LESIONS_AS_PATIENTS

    @property
    def folds(self) -> int:
        """Return the number of folds of a replicate; replicates may name theirs differently."""
        return max((len(np.unique(fold)) for fold in self.fold.T), default=0)

    @property
    def shared_training(self) -> float:
        """Return the factor on an arm's variance over patients: they train each other's networks.

        1 + n_test / n_train x (1 + 40 / P). Results of one cohort of P patients vary more than its
        tested lesions do, since another cohort would also have trained other networks, the more so
        the smaller it is; paired differences lose what the arms share. An allowance that simulated
        cross-validation asks for (docs/statistics.md).
        """
        return training_allowance(self.folds, self.cases)

    def paired_training(self, *, counted: bool) -> float:
        """Return the factor on the variance of a paired difference (`paired_allowance`)."""
        return paired_allowance(self.folds, self.cases, counted=counted)

    def counts(self, among: np.ndarray | None = None) -> dict[str, Any]:
        """Return replicates, folds, lesions, patients: of the lesions `among` [n], or of all."""
        case = self.case if among is None else self.case[among]
        counts = {"replicates": len(self.replicates), "folds": self.folds, "lesions": len(case)}
        return {**counts, "patients": len(np.unique(case))}

    def sum_by_case(self, values: np.ndarray) -> np.ndarray:
        """Return the sums over each patient's lesions: [n, ...] to [P, ...]."""
        total = np.zeros((self.cases, *values.shape[1:]))
        np.add.at(total, self.case, values)
        return total


AnyPanel = TypeVar("AnyPanel", bound=Panel)


def panels(
    rows: pd.DataFrame, kind: type[AnyPanel], measured: Mapping[str, Any], classes: Sequence[str]
) -> dict[str, AnyPanel]:
    """Return each arm's rows as a panel of some kind, in the order in which the arms come.

    `rows` has one row a lesion, replicate and arm, with the columns of `COLUMNS`; `measured` are
    the fields that the kind adds to `Panel`, with the column or the columns of each.

    Raises:
        UserError: a column is missing, or an arm has not each lesion once in each replicate.
    """
    require_columns(rows, COLUMNS)
    if rows.empty:
        return {}
    patient = rows["patient_id"].astype(object)
    frame = rows.assign(
        lesion_id=rows["lesion_id"].astype(str),
        patient_id=patient.where(patient.notna(), "").astype(str),
        fold=pd.factorize(rows["fold"], sort=True)[0],
        label=pd.Categorical(rows["label"].astype(str), classes).codes,
    ).sort_values(["replicate", "lesion_id"], kind="stable")
    by_arm = dict(list(frame.groupby("arm")))
    arms = rows["arm"].unique()
    if problems := [problem for arm in arms for problem in _not_crossed(arm, by_arm[arm])]:
        raise UserError(problems, title="predictions do not fit together")
    return {arm: _panel(arm, tuple(classes), by_arm[arm], kind, measured) for arm in arms}


def require_columns(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise UserError unless the predictions have these columns."""
    if missing := [name for name in columns if name not in rows]:
        found = ", ".join(map(str, rows.columns)) or "none"
        raise UserError(f"predictions: no column {', '.join(missing)}; there are: {found}")


def _panel(
    arm: str,
    classes: tuple[str, ...],
    rows: pd.DataFrame,
    kind: type[AnyPanel],
    measured: Mapping[str, Any],
) -> AnyPanel:
    """Return the panel of an arm from its rows, sorted by replicate and lesion."""
    replicates = tuple(rows["replicate"].unique())

    def table(columns: str | list[str]) -> np.ndarray:
        """Return rows x columns as [n, R, ...]."""
        values = rows[columns].to_numpy()
        return np.swapaxes(values.reshape(len(replicates), -1, *values.shape[1:]), 0, 1)

    lesion, patient = table("lesion_id")[:, 0], table("patient_id")[:, 0]
    # A lesion without a patient id is a case of its own, whatever patients are called.
    known = np.where(patient == "", "lesion " + lesion, "patient " + patient)
    return kind(
        arm=arm,
        classes=classes,
        replicates=replicates,
        lesion_id=lesion,
        label=table("label")[:, 0],
        patient_id=patient,
        case=pd.factorize(known, sort=True)[0],
        fold=table("fold"),
        has_patients=bool((patient != "").all()),
        **{name: table(columns) for name, columns in measured.items()},
    )


def _not_crossed(arm: str, rows: pd.DataFrame) -> list[str]:
    """Return where a replicate does not hold each lesion once, with one label and patient."""
    count = rows.groupby(["lesion_id", "replicate"]).size().unstack(fill_value=0)
    problems = [
        f"arm {arm!r}: lesion {count.index[i]!r} stands {count.iat[i, j]} times in replicate "
        f"{count.columns[j]}; it must stand there once"
        for i, j in np.argwhere(count.to_numpy() != 1)[:5]
    ]
    for column in ("label", "patient_id"):
        kinds = rows.groupby("lesion_id")[column].nunique()
        problems += [
            f"arm {arm!r}: lesion {lesion!r} has {kinds[lesion]} different values of {column}"
            for lesion in kinds[kinds > 1].index[:5]
        ]
    return problems
