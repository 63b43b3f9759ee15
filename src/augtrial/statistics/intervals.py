"""Intervals for a number that depends on the patients and on the replicates of the recipe."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats
from statsmodels.stats.proportion import proportion_confint

from augtrial.statistics.discordance import paired_limits

# Sums of squares of numbers of order one that should be zero leave about 1e-32.
ROUNDING = 1e-24
MIN_CARRYING = 7  # patients that carry the variance of an AUC's difference (docs/statistics.md)
MIN_FOR_INTERVAL = 3  # replicates; the variance of two is known within a factor of a thousand


@dataclass(frozen=True)
class Interval:
    """An interval of a mean with the variance terms that it stands on.

    `se` is the standard error and `df` its Satterthwaite degrees of freedom (NaN where the
    variance is zero or unknown). `v_patient`, `v_replicate` and `v_residual` are the three
    variance terms of `crossed_interval`.
    """

    low: float
    high: float
    se: float
    df: float
    v_patient: float
    v_replicate: float
    v_residual: float


UNKNOWN = Interval(*[float("nan")] * 7)


@dataclass(frozen=True)
class Strata:
    """What the parts of a mean leave to know of the variance over patients.

    A mean over classes is centred class by class, so that each class loses a degree of freedom.
    `df` are the degrees of freedom of the variance over patients, `factor` makes up for what the
    centring takes from the sum of squares. NaN where a part has a single patient.
    """

    df: float
    factor: float


def strata(lesions: np.ndarray, patients: np.ndarray) -> Strata:
    """Return the strata of a mean whose parts have so many lesions and patients.

    With equal variances of the lesions, a part of n lesions has the share w = (1/n) / sum(1/n) of
    the variance, with k - 1 degrees of freedom of its k patients: df = 1 / sum(w^2/(k-1)), factor =
    sum(w k/(k-1)). One part gives P - 1 and P/(P-1).

    Source: Satterthwaite, Biometrics Bull 2:110 (1946), for a sum of independent parts.
    """
    lesions, patients = np.asarray(lesions, float), np.asarray(patients, float)
    if not len(patients) or (patients < 2).any():
        return Strata(float("nan"), float("nan"))
    share = (1 / lesions) / (1 / lesions).sum()
    df = 1 / (share**2 / (patients - 1)).sum()
    return Strata(float(df), float((share * patients / (patients - 1)).sum()))


def whole(patients: int, factor: float = 1.0) -> Strata:
    """Return the strata of a mean over all patients, its variance over patients times a factor."""
    plain = strata(np.array([1]), np.array([patients]))
    return Strata(plain.df, plain.factor * factor)


def crossed_interval(
    values: np.ndarray, confidence: float = 0.95, *, parts: Strata | None = None
) -> Interval:
    """Return the t interval of the mean of a patient-by-replicate table [P, R], both random.

    Each variance term is a mean square of the two-way layout over P R; for the rest see
    `crossed_variance`. `parts` says how well the variance over patients is known (`strata`; None:
    P - 1 degrees of freedom). Fewer than three replicates or two patients give no interval (NaN), a
    table of equal values has the interval [mean, mean].

    Sources: Obuchowski & Rockette, Commun Stat Simul Comput 24:285 (1995), with replicates as
    readers; Gallas, Acad Radiol 13:353 (2006), the one-shot estimate.
    """
    values = np.asarray(values, dtype=float)
    patients, replicates = values.shape
    parts = parts or whole(patients)
    known = np.isfinite(values).all() and patients > 1 and np.isfinite(parts.df)
    if not known or replicates < MIN_FOR_INTERVAL:
        return UNKNOWN
    mean = values.mean()
    patient = values.mean(axis=1, keepdims=True) - mean
    replicate = values.mean(axis=0, keepdims=True) - mean
    residual = values - mean - patient - replicate

    patient_df, size = min(parts.df, patients - 1.0), patients * replicates
    dfs = (patient_df, replicates - 1.0, patient_df * (replicates - 1))
    v_patient = _term(patient, patients / parts.factor, patients)
    v_replicate = _term(replicate, dfs[1], replicates)
    v_residual = _term(residual, patients / parts.factor * dfs[1], size)
    terms = (v_patient, v_replicate, v_residual)
    variance, df = (float(number) for number in crossed_variance(terms, dfs))
    se = float(np.sqrt(variance))
    reach = se * float(stats.t.ppf((1 + confidence) / 2, df)) if variance > 0 else 0.0
    df = df if variance > 0 else float("nan")
    return Interval(mean - reach, mean + reach, se, df, *terms)


def crossed_variance(
    terms: tuple[np.ndarray | float, ...], dfs: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the variance of the mean and its degrees of freedom, from terms of any one shape.

    The terms are V_patient, V_replicate and V_residual with their degrees of freedom; the variance
    is V_patient + V_replicate - V_residual, not below the larger single term, and the degrees of
    freedom are Satterthwaite's, or those of the single term (docs/statistics.md, The interval).

    Sources: Satterthwaite, Biometrics Bull 2:110 (1946); the lower limit of V as in Hillis, Stat
    Med 26:596 (2007).
    """
    patient, replicate, residual = (np.asarray(term, dtype=float) for term in terms)
    single = np.maximum(patient, replicate)
    whole = patient + replicate - residual
    spread = sum(term**2 / df for term, df in zip((patient, replicate, residual), dfs, strict=True))
    satterthwaite = whole**2 / np.where(spread > 0, spread, 1)
    # Terms of few errors are often equal: rounding must not choose between degrees of freedom.
    tie, several = np.isclose(patient, replicate, atol=0), whole > single * (1 + 1e-9)
    lone = np.where(tie, min(dfs), np.where(patient > replicate, dfs[0], dfs[1]))
    df = np.where(several, np.maximum(satterthwaite, min(dfs)), lone)
    return np.maximum(whole, single), df


def _term(deviations: np.ndarray, df: float, size: int) -> float:
    """Return the sum of squares over its degrees of freedom and the number of cells averaged."""
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
    values: np.ndarray,
    trials: float,
    confidence: float = 0.95,
    *,
    counted: bool = True,
    parts: Strata | None = None,
) -> tuple[Interval, bool]:
    """Return the interval of a number in [0, 1], and whether Wilson's was needed.

    It is `crossed_interval` of the values (shape [P, R]), on the scale of the logit. Where their
    variance is zero, or fewer errors or fewer hits than one trial's worth were seen, it also
    reaches over Wilson's on `trials` independent trials (see `effective_trials`). An AUC or a Dice
    is no count of errors (`counted=False`): there Wilson's is taken only at a variance of zero.

    Sources: the logit: Dean & Pagano, J Surv Stat Methodol 3:484 (2015); Wilson, JASA 22:209
    (1927); effective numbers of trials in clustered samples: Korn & Graubard, Surv Methodol 24:193
    (1998).
    """
    if np.size(values) == 0:
        return UNKNOWN, False
    interval = crossed_interval(values, confidence, parts=parts)
    if np.isnan(interval.se):
        return interval, False
    value = float(np.clip(np.mean(values), 0, 1))
    low, high, scale = value, value, value * (1 - value)
    if interval.se > 0 and scale > 0:
        reach = (interval.high - np.mean(values)) / scale
        low, high = special.expit(special.logit(value) + np.array([-reach, reach]))
    seen = min(value, 1 - value) * trials
    trusted = interval.se > 0 and (seen > 1 - 1e-9 or not counted)  # 1 may be rounded
    if not trusted:
        wilson = proportion_confint(value * trials, trials, 1 - confidence, method="wilson")
        low, high = min(low, wilson[0]), max(high, wilson[1])
    return replace(interval, low=_clip(low, 0), high=_clip(high, 0)), not trusted


def difference_interval(
    values: np.ndarray,
    trials: float,
    confidence: float = 0.95,
    *,
    counted: bool = True,
    parts: Strata | None = None,
    allowance: float = 1.0,
) -> tuple[Interval, float]:
    """Return the interval of paired differences, within [-1, 1], and the p value that fits it.

    It is the t interval of `crossed_interval` of the values (shape [P, R]). A difference of right
    answers (`counted`) also reaches over the differences that so few discordant patients cannot
    exclude (`discordance`); at a variance of zero, its standard error is one trial. An AUC or a
    Dice has no such limits: where fewer than `MIN_CARRYING` patients carry the variance, its
    interval is not estimable (NaN). `allowance` is a factor on the variance
    (`panel.paired_allowance`).
    """
    if np.size(values) == 0:
        return UNKNOWN, float("nan")
    if not counted:
        parts = _carried(values, parts)
    interval = crossed_interval(values, confidence, parts=parts)
    if np.isnan(interval.se):
        return UNKNOWN, float("nan")
    mean, df = float(np.mean(values)), interval.df
    se = interval.se * allowance**0.5
    if se == 0:
        se, df = 1 / trials, len(values) - 1.0
    worth = trials / stability(values, trials, confidence) if counted else None
    low, high, p = paired_limits(mean, se, df, confidence, worth)
    low, high = _clip(float(low), -1), _clip(float(high), -1)
    return replace(interval, low=low, high=high, se=se, df=df), float(p)


def carrying_patients(values: np.ndarray) -> float:
    """Return how many patients carry the variance of values [P, R]: 0 where there is none.

    (sum x^2)^2 / sum x^4 of the patients' deviations x: P if all deviate alike, 1 if one does.
    """
    deviation = values.mean(axis=1) - values.mean()
    fourth = (deviation**4).sum()
    return float((deviation**2).sum() ** 2 / fourth) if fourth > ROUNDING**2 else 0.0


def _carried(values: np.ndarray, parts: Strata | None) -> Strata:
    """Return the strata with no more degrees of freedom than the patients who carry the variance.

    2 k P / (P - k), from the fourth moment: P of them for normal deviations.
    """
    patients, carrying = len(values), carrying_patients(values)
    parts = parts or whole(patients)
    if carrying < min(MIN_CARRYING, patients):
        return Strata(float("nan"), float("nan"))
    df = 2 * carrying * patients / max(patients - carrying, 1e-9)
    return Strata(min(parts.df, df), parts.factor)


def stability(values: np.ndarray, trials: float, confidence: float = 0.95) -> float:
    """Return how alike replicates are: the variance of the patients' means over that of one.

    1 if every replicate is the same, 1/R if they have nothing in common. To both variances, those
    of z^2 stable discordant trials are added, which may be there unseen: a few errors that differ
    between replicates are no evidence that the others will (as many trials as Wilson's and Tango's
    intervals add).
    """
    unseen = stats.norm.ppf((1 + confidence) / 2) ** 2 * len(values) / trials**2
    mean, one = values.mean(axis=1).var(), values.var(axis=0).mean()
    return float(max((mean + unseen) / (one + unseen), 1 / values.shape[1]))


def _clip(limit: float, lowest: float) -> float:
    """Return the limit held within [lowest, 1]; a limit a rounding error from 1 is 1."""
    return round(float(np.clip(limit, lowest, 1)), 12)
