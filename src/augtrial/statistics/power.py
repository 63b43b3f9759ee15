"""Power: how probable each verdict is in a study that has not run yet (docs/plan.md)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
from scipy import stats
from scipy.stats import qmc

from augtrial.core.names import DIFFERENCE, NON_INFERIOR, SUPERIOR
from augtrial.statistics import verdicts
from augtrial.statistics.discordance import paired_limits
from augtrial.statistics.intervals import crossed_variance

LOG_STUDIES = 11  # 2^11 studies are drawn, evenly spread: shares are right within half a point
FOUND = (*verdicts.GAINS, NON_INFERIOR, SUPERIOR)  # the words that power is about
WORDS = (*reversed(FOUND), verdicts.NO_DIFFERENCE, verdicts.CANNOT_TELL, *verdicts.LOSSES)
AS_PLANNED = "as planned"  # the design of a plan that is not changed
TRUTHS = (0.02, 0.03, 0.05, 0.08, 0.10)  # the differences that a plan tells of
RANGE = (0.1, 0.9)  # quantiles between which a study will state its detectable difference


@dataclass(frozen=True)
class Components:
    """Variances of a paired difference per patient and replicate, in squared fractions.

    Between patients, between replicates, and between the two together (what a patient's
    difference varies by from one replicate to the next).
    """

    patients: float
    replicates: float
    both: float

    def terms(self, patients: float, replicates: int) -> tuple[float, float, float]:
        """Return V_patient, V_replicate and V_residual of a mean over so many of each."""
        both = self.both / (patients * replicates)
        return self.patients / patients + both, self.replicates / replicates + both, both


@dataclass(frozen=True)
class Design:
    """What a contrast is judged by, before there are results.

    `patients` are those that the mean is worth, with `df` degrees of freedom for the variance over
    them (`intervals.strata`); `trials` is what they are worth in errors (`Outcome.trials`), None
    where the endpoint is no share of right answers. `margin` is a fraction, `level` two-sided;
    `contrasts` is the number among which the p value is adjusted, at Holm's strictest step,
    `question` a key of `names.QUESTIONS`, `allowance` that of `intervals.difference_interval`.
    """

    patients: float
    df: float
    trials: float | None
    replicates: int
    margin: float
    level: float
    contrasts: int = 1
    question: str = DIFFERENCE
    allowance: float = 1.0


class PlannedContrast:
    """A contrast of a design, its true variance known: estimates of many studies are drawn.

    The difference is normal, the mean squares are scaled chi-square variables; the shipped rule
    judges them. Source: Searle, Casella & McCulloch, Variance Components (1992), ch. 4.
    """

    def __init__(self, components: Components, design: Design, *, seed: int = 1) -> None:
        self.design = design
        rows, columns = design.df, design.replicates - 1.0
        dfs, uniform = (rows, columns, rows * columns), _uniform(seed)
        terms = components.terms(design.patients, design.replicates)
        drawn = tuple(
            term * stats.chi2.ppf(part, df) / df
            for term, part, df in zip(terms, uniform[1:], dfs, strict=True)
        )
        variance, self.df = crossed_variance(drawn, dfs)
        self.se, self.trials = np.sqrt(variance * design.allowance), None
        self.error = stats.norm.ppf(uniform[0]) * np.sqrt(terms[0] + terms[1] - terms[2])
        if design.trials is not None:  # `intervals.stability`, of mean squares
            unseen = (stats.norm.ppf(1 - design.level / 2) / design.trials) ** 2
            one = drawn[0] + columns * drawn[2]
            self.trials = design.trials * (one + unseen) / (drawn[0] + unseen)

    def verdicts(self, truth: float) -> dict[str, float]:
        """Return the probability of each verdict if the true difference is `truth`, a fraction."""
        design = self.design
        if design.replicates < verdicts.MIN_REPLICATES:
            return {verdicts.NO_VERDICT: 1.0}
        mean = truth + self.error
        low, high, p = paired_limits(mean, self.se, self.df, 1 - design.level, self.trials)
        row = {"difference": mean, "se": self.se, "df": self.df, "p": p}
        p = design.contrasts * verdicts.question_p(row, design.question, design.margin)
        rule = partial(verdicts.decide, margin=design.margin, level=design.level)
        words = Counter(
            rule(*numbers, question=design.question)
            for numbers in np.column_stack([mean, low, high, p]).tolist()
        )
        return {word: number / len(mean) for word, number in words.items()}

    @cached_property
    def detectable(self) -> float:
        """The smallest true difference that is found with 80 % power, by its p value."""
        null = verdicts.null_difference(self.design.question, self.design.margin)
        tail = self.design.level / (2 * self.design.contrasts)
        needed = null + stats.t.isf(tail, self.df) * self.se - self.error
        return float(np.quantile(needed, verdicts.POWER))

    @cached_property
    def stated(self) -> tuple[float, float]:
        """The range in which most studies will state the detectable difference themselves."""
        level = self.design.level / self.design.contrasts
        low, high = np.quantile(verdicts.detectable(self.se, self.df, level), RANGE)
        return float(low), float(high)


def power(words: Mapping[str, float]) -> float:
    """Return the probability of a gain, of any size, or of what the contrast asks."""
    return sum(share for word, share in words.items() if word in FOUND)


@cache
def _uniform(seed: int) -> np.ndarray:
    """Return numbers in (0, 1), evenly spread in four dimensions: [4, studies].

    All plans of a seed have the same ones, so that two designs differ by what they are alone.
    Source: Owen, Ann Stat 25:1541 (1997), scrambled nets.
    """
    net = qmc.Sobol(4, seed=seed)
    return np.clip(net.random_base2(LOG_STUDIES).T, 1e-9, 1 - 1e-9)
