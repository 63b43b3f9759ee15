"""Intervals for a number that depends on the patients and on the replicates of the recipe."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

# Sums of squares of numbers of order one that should be zero leave about 1e-32.
ROUNDING = 1e-24


@dataclass(frozen=True)
class Interval:
    """An interval of a mean with the variance terms that it stands on.

    `se` is the standard error and `df` its Satterthwaite degrees of freedom (NaN where the
    variance is zero or unknown). `v_patient`, `v_replicate` and `v_residual` are the three
    variance terms of `crossed_interval`, NaN where one patient or one replicate leaves a term
    without an estimate.
    """

    low: float
    high: float
    se: float
    df: float
    v_patient: float
    v_replicate: float
    v_residual: float


UNKNOWN = Interval(*[float("nan")] * 7)


def crossed_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return the t interval of the mean of a patient-by-replicate table [P, R], both random.

    Each variance term is a mean square of the two-way layout over P R; the variance is V_patient +
    V_replicate - V_residual, not below the larger single term, and the degrees of freedom are
    Satterthwaite's (docs/statistics.md, The interval). One replicate leaves V_patient, one patient
    V_replicate, one cell no interval (NaN). A table of equal values has the interval [mean, mean].

    Sources: Obuchowski & Rockette, Commun Stat Simul Comput 24:285 (1995), with replicates as
    readers; Gallas, Acad Radiol 13:353 (2006), the one-shot estimate; Satterthwaite, Biometrics
    Bull 2:110 (1946); the floor of V as in Hillis, Stat Med 26:596 (2007).
    """
    values = np.asarray(values, dtype=float)
    if values.size == 0 or not np.isfinite(values).all():
        return UNKNOWN
    patients, replicates = values.shape
    mean = values.mean()
    patient = values.mean(axis=1, keepdims=True) - mean
    replicate = values.mean(axis=0, keepdims=True) - mean
    residual = values - mean - patient - replicate

    dfs = (patients - 1, replicates - 1, (patients - 1) * (replicates - 1))
    v_patient = _term(patient, dfs[0], patients)
    v_replicate = _term(replicate, dfs[1], replicates)
    v_residual = _term(residual, dfs[2], values.size)
    variances = (v_patient, v_replicate, v_residual)
    terms = [(v, df) for v, df in zip(variances, dfs, strict=True) if df > 0]
    if not terms:
        return UNKNOWN
    variance, df = max(terms[:2])
    if len(terms) == 3 and (whole := v_patient + v_replicate - v_residual) > variance:
        satterthwaite = whole**2 / sum(v**2 / d for v, d in terms)
        variance, df = whole, max(satterthwaite, min(d for _, d in terms))

    se, df = float(np.sqrt(variance)), float(df) if variance > 0 else float("nan")
    reach = se * float(stats.t.ppf((1 + confidence) / 2, df)) if variance > 0 else 0.0
    return Interval(mean - reach, mean + reach, se, df, *variances)


def _term(deviations: np.ndarray, df: int, size: int) -> float:
    """Return the sum of squares over its degrees of freedom and the number of cells averaged."""
    if df == 0:
        return float("nan")
    term = float((deviations**2).sum()) / (df * size)
    return term if term > ROUNDING else 0.0


def effective_trials(sizes: np.ndarray) -> float:
    """Return how many independent trials clusters of these sizes are worth at the least.

    (sum m)^2 / sum m^2, as if the lesions of a patient were always right or wrong together: at 0
    or 1 the data do not tell how alike they are. `sizes` are the lesions of each patient (zeros
    allowed). Source: Kish, Survey Sampling (1965), the design effect at an intraclass correlation
    of one.
    """
    sizes = np.asarray(sizes, dtype=float)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.any() else 0.0


def proportion_interval(
    values: np.ndarray, trials: float, confidence: float = 0.95, *, counted: bool = True
) -> tuple[Interval, bool]:
    """Return the interval of a proportion, within [0, 1], and whether Wilson's was needed.

    It is `crossed_interval` of the values (shape [P, R]). Where their variance is zero, or fewer
    errors or fewer hits than one trial's worth were seen, it also reaches over Wilson's on `trials`
    independent trials (see `effective_trials`). An AUC or a Dice is no count of errors
    (`counted=False`): there Wilson's is taken only where the variance is zero.

    Sources: Wilson, JASA 22:209 (1927); effective numbers of trials in clustered samples: Korn
    & Graubard, Surv Methodol 24:193 (1998); Dean & Pagano, J Surv Stat Methodol 3:484 (2015).
    """
    if np.size(values) == 0:
        return UNKNOWN, False
    interval = crossed_interval(values, confidence)
    value = float(np.clip(np.mean(values), 0, 1))
    low, high = interval.low, interval.high
    seen = min(value, 1 - value) * trials
    trusted = interval.se > 0 and (seen >= 1 or not counted)
    if not trusted:
        wilson = proportion_confint(value * trials, trials, 1 - confidence, method="wilson")
        # fmin and fmax pass over the NaN of a single patient in a single replicate.
        low, high = np.fmin(low, wilson[0]), np.fmax(high, wilson[1])
    return replace(interval, low=_clip(low, 0), high=_clip(high, 0)), not trusted


def difference_interval(
    values: np.ndarray, max_influence: float, confidence: float = 0.95, *, counted: bool = True
) -> tuple[Interval, float]:
    """Return the interval of paired differences, within [-1, 1], and the p value that fits it.

    It is the t interval of `crossed_interval` of the values (shape [P, R]), with a variance not
    below max_influence^2: how far one lesion can move the endpoint, 0 where two arms cannot differ
    (docs/statistics.md, Differences of nothing). An AUC or a Dice is no count of errors
    (`counted=False`): there max_influence stands in for a variance of zero only.
    """
    interval = crossed_interval(values, confidence)
    if np.size(values) == 0 or not np.isfinite(values).all():
        return UNKNOWN, float("nan")
    mean, se, df = float(np.mean(values)), interval.se, interval.df
    # Also where one patient in one replicate leaves no variance at all.
    if not se > 0 or (counted and se < max_influence):
        se, df = max_influence, float(max(1, len(values) - 1))
    reach = se * float(stats.t.ppf((1 + confidence) / 2, df))
    p = 2 * float(stats.t.sf(abs(mean) / se, df)) if se else 1.0
    low, high = _clip(mean - reach, -1), _clip(mean + reach, -1)
    return replace(interval, low=low, high=high, se=se, df=df), p


def _clip(limit: float, lowest: float) -> float:
    """Return the limit held within [lowest, 1]; a limit a rounding error from 1 is 1."""
    return round(float(np.clip(limit, lowest, 1)), 12)
