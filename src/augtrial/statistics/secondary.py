"""Secondary tests: what other studies would have reported (docs/statistics.md)."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from augtrial.core import seeds
from augtrial.core.names import contrast_arms
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.outcomes import Outcomes
from augtrial.statistics.panel import Panel

SECONDARY_COLUMNS = [
    *("contrast", "test", "endpoint", "class", "p", "p_low", "p_high", "units"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]
SIGN_FLIPS = 9999  # permutations where trying all is too many


def secondary_table(
    predictions: pd.DataFrame,
    contrasts: Iterable[str],
    *,
    endpoint: tuple[str, str] = ("sensitivity", "macro"),
    outcomes: Outcomes = classification_outcomes,
) -> pd.DataFrame:
    """Return other tests of each contrast, one row each: three, or two without McNemar.

    The tests are `corrected resampled t`, `sign flip` and, of tasks whose answers are right or
    wrong, `McNemar` (p is the median over replicates, p_low and p_high the least and greatest).
    `units` is the number of differences or of replicates that a test stands on. What cannot be
    computed is NaN.
    """
    pairs = {contrast: contrast_arms(contrast) for contrast in contrasts}
    if not pairs:
        return pd.DataFrame(columns=SECONDARY_COLUMNS)
    compared = {arm for pair in pairs.values() for arm in pair}
    predictions = predictions[predictions["arm"].isin(compared)]
    by_arm, by_fold = outcomes(predictions), _values_by_fold(predictions, endpoint, outcomes)
    rows = []
    for contrast, pair in pairs.items():
        a, b = (by_arm[arm] for arm in pair)
        differences, ratio = _fold_differences(a.panel, b.panel, by_fold)
        by_replicate = a.outcome(endpoint).value - b.outcome(endpoint).value
        tests = [
            ("corrected resampled t", corrected_resampled_t(differences, ratio), len(differences)),
            ("sign flip", sign_flip(by_replicate), len(by_replicate)),
        ]
        shared = {"contrast": contrast, "unit": "p value", **a.panel.counts()}
        about = {"endpoint": endpoint[0], "class": endpoint[1]}
        rows += [{"test": test, **about, "p": p, "units": n, **shared} for test, p, n in tests]
        if a.correct is not None and b.correct is not None:
            right = zip(a.correct.T, b.correct.T, strict=True)
            ps = [exact_mcnemar(*replicate) for replicate in right]
            name = {"test": "McNemar", "endpoint": "accuracy", "class": "all"}
            values = {"units": len(ps), "p": np.median(ps), "p_low": min(ps), "p_high": max(ps)}
            rows.append({**name, **values, **shared})
    return pd.DataFrame(rows, columns=SECONDARY_COLUMNS)


def corrected_resampled_t(differences: np.ndarray, ratio: float) -> float:
    """Return the two-sided p value of the corrected resampled t test.

    t = mean(d) / sqrt((1/J + ratio) s^2) with J - 1 degrees of freedom: the training sets of
    folds overlap, so that their differences vary together. There is one of the differences d [J]
    for each fold (or each fold and replicate); `ratio` is lesions tested over lesions trained on,
    counting neither variants nor samples.

    Source: Nadeau & Bengio, Mach Learn 52:239 (2003), section 3; repeated folds: Bouckaert &
    Frank, PAKDD (2004).
    """
    differences = differences[np.isfinite(differences)]
    number = len(differences)
    if number < 2 or not np.ptp(differences):
        return 1.0 if number and not differences.any() else float("nan")
    scale = np.sqrt((1 / number + ratio) * differences.var(ddof=1))
    return 2 * float(stats.t.sf(abs(differences.mean()) / scale, number - 1))


def sign_flip(differences: np.ndarray) -> float:
    """Return the two-sided p value of the sign-flip test over replicates.

    All 2^R ways of exchanging the arms' names where that is few, else a seeded draw of them.
    Source: Fisher, The Design of Experiments (1935), section 21.
    """
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:  # one sign: either is as likely as the other
        return 1.0 if len(differences) else float("nan")
    flips: dict[str, Any] = {"permutation_type": "samples", "n_resamples": SIGN_FLIPS}
    rng = seeds.generator(0, "sign flip")
    result = stats.permutation_test((differences,), np.mean, vectorized=True, rng=rng, **flips)
    return float(result.pvalue)


def exact_mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    """Return the exact McNemar p value of which lesions [n] are right in each of two arms.

    Source: McNemar, Psychometrika 12:153 (1947).
    """
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    return float(mcnemar(table, exact=True).pvalue)


def _values_by_fold(
    predictions: pd.DataFrame, endpoint: tuple[str, str], outcomes: Outcomes
) -> pd.Series:
    """Return the endpoint's value in each fold of each replicate, by arm, replicate and fold."""
    parts = predictions.groupby(["arm", "replicate", "fold"])
    by_part = outcomes(predictions.assign(arm=parts.ngroup().astype(str)))  # each as if an arm
    values = [by_part[str(number)].outcome(endpoint).value[0] for number in range(parts.ngroups)]
    return pd.Series(values, index=parts.size().index)


def _fold_differences(a: Panel, b: Panel, by_fold: pd.Series) -> tuple[np.ndarray, float]:
    """Return the differences fold by fold, and lesions tested over lesions trained on.

    Where all replicates use one split, they are averaged first; where each splits anew, each of
    its folds is a resample of its own.
    """
    differences = (by_fold[a.arm] - by_fold[b.arm]).unstack("fold").to_numpy()
    if (a.fold == a.fold[:, :1]).all():
        differences = differences.mean(axis=0)
    tested = np.stack([(a.fold == fold).sum(axis=0) for fold in np.unique(a.fold)])
    ratio = float(np.mean(tested / np.maximum(1, len(a.label) - tested)))
    return differences.ravel(), ratio
