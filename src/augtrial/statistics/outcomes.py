"""Outcomes: an endpoint's value in each replicate, and each patient's influence on it.

They are the interface between a task and the comparison: a function from a task's rows to outcomes
(`Outcomes`) is all that endpoints, contrasts, secondary tests and verdicts need.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from augtrial.statistics.intervals import Strata, effective_trials, whole
from augtrial.statistics.panel import Panel


@dataclass(frozen=True)
class Outcome:
    """An endpoint in [0, 1]: its value in each replicate and each patient's influence on it.

    `psi` [P, R] is the infinitesimal jackknife, P times the derivative of the endpoint by the
    weight of patient p: its mean over patients is 0, and value + psi behaves like a sample of P
    patients whose mean is the endpoint (Efron, The Jackknife, the Bootstrap and Other Resampling
    Plans, 1982, ch. 6). `relevant` [P] marks the patients whom the endpoint is about, `lesions`
    counts theirs, `trials` is what they are worth at 0 or 1 (`intervals.effective_trials`), `parts`
    how well the variance over patients is known (`intervals.strata`). `counted` says whether it is
    a share of right answers (see `intervals.proportion_interval`), `note` what could not be
    estimated.
    """

    endpoint: str
    category: str
    value: np.ndarray
    psi: np.ndarray
    relevant: np.ndarray
    lesions: int
    trials: float
    parts: Strata
    counted: bool
    note: str = ""

    def sample(self) -> np.ndarray:
        """Return value + psi over the relevant patients and the estimable replicates: [P', R'].

        Leaving the others out gives a class of three lesions two degrees of freedom, not P - 1.
        """
        estimable = np.isfinite(self.value)
        psi = self.psi[np.ix_(self.relevant, estimable)]
        return self.value[estimable] + psi * (self.relevant.sum() / len(self.relevant))


@dataclass(frozen=True)
class ArmOutcomes:
    """An arm's outcomes, in the order of the tables, and the panel that they stand on.

    `correct` [n, R] says which lesions are right, for a task whose answers are right or wrong.
    """

    panel: Panel
    outcomes: tuple[Outcome, ...]
    correct: np.ndarray | None = None

    def outcome(self, endpoint: tuple[str, str]) -> Outcome:
        """Return the outcome of an endpoint and class.

        Raises:
            KeyError: the task has no such endpoint.
        """
        for outcome in self.outcomes:
            if (outcome.endpoint, outcome.category) == endpoint:
                return outcome
        raise KeyError(endpoint)


# From a task's rows (one a lesion, replicate and arm) to each arm's outcomes, arms in their order.
Outcomes = Callable[[pd.DataFrame], Mapping[str, ArmOutcomes]]


def mean_outcome(
    panel: Panel,
    endpoint: str,
    category: str,
    values: np.ndarray,
    among: np.ndarray | None = None,
    *,
    counted: bool,
) -> Outcome:
    """Return the mean over lesions of values in [0, 1], such as right or wrong, or a Dice.

    `values` are [n, R]; `among` [n] are the lesions that it is about, all if None; `counted` says
    that the values are right or wrong. The mean is a ratio of sums over patients:
    psi_p = (P / n_among) x sum over the lesions i of p among them of (value_i - mean).
    """
    among = np.ones(len(panel.label), dtype=bool) if among is None else among
    count, sizes = int(among.sum()), np.bincount(panel.case, weights=among)
    mean = values[among].mean(axis=0) if count else np.full(values.shape[1], np.nan)
    deviation = np.where(among[:, None], values - mean, 0.0)
    psi = panel.sum_by_case(deviation) * (panel.cases / max(count, 1))
    relevant = sizes > 0
    about = (relevant, count, effective_trials(sizes), whole(int(relevant.sum())))
    return Outcome(endpoint, category, mean, psi, *about, counted=counted)
