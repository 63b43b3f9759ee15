"""Secondary tests: what other studies would have reported, shown beside the verdict.

No verdict is chosen from them (docs/statistics.md says what each of them leaves out).
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from augtrial import seeds
from augtrial.influence import influences
from augtrial.panel import Panel, panels
from augtrial.spelling import contrast_arms

SECONDARY_COLUMNS = [
    *("contrast", "test", "endpoint", "class", "p", "p_low", "p_high", "units"),
    *("unit", "replicates", "folds", "lesions", "patients"),
]
FLIPS = 9999  # sign-flip permutations where trying all is too many


def secondary_table(
    predictions: pd.DataFrame,
    contrasts: Iterable[str],
    *,
    endpoint: tuple[str, str] = ("sensitivity", "macro"),
) -> pd.DataFrame:
    """Return three other tests of each contrast, one row each.

    Columns: contrast; test (`corrected resampled t`, `sign flip`, `McNemar`); endpoint and class
    that it speaks of; p, for McNemar the median over replicates; p_low and p_high, McNemar's
    least and greatest; units, the number of differences or of replicates that it stands on; unit
    (of p), replicates, folds, lesions, patients. What cannot be computed is NaN.
    """
    by_arm = panels(predictions)
    rows = []
    for contrast in contrasts:
        one, other = (by_arm[arm] for arm in contrast_arms(contrast))
        by_fold, ratio = _fold_differences(one, other, endpoint)
        by_replicate = _values(one, endpoint) - _values(other, endpoint)
        each = [exact_mcnemar(one, other, r) for r in range(len(one.replicates))]
        named = dict(zip(("endpoint", "class"), endpoint, strict=True))
        tests = [
            {
                **{"contrast": contrast, "test": "corrected resampled t", **named},
                **{"p": corrected_resampled_t(by_fold, ratio), "units": len(by_fold)},
            },
            {
                **{"contrast": contrast, "test": "sign flip", **named},
                **{"p": sign_flip(by_replicate), "units": len(by_replicate)},
            },
            {
                **{"contrast": contrast, "test": "McNemar", "endpoint": "accuracy", "class": "all"},
                **{"p": np.median(each), "p_low": min(each), "p_high": max(each)},
                "units": len(each),
            },
        ]
        counts = {"replicates": len(one.replicates), "folds": one.folds}
        counts |= {"lesions": len(one.label), "patients": one.cases}
        rows += [{**test, "unit": "p value", **counts} for test in tests]
    return pd.DataFrame(rows, columns=SECONDARY_COLUMNS)


def corrected_resampled_t(differences: np.ndarray, ratio: float) -> float:
    """Return the two-sided p value of the corrected resampled t test.

    t = mean(d) / sqrt((1/J + ratio) s^2) with J - 1 degrees of freedom: the training sets of
    folds overlap, so that their differences vary together.

    Args:
        differences: d [J], one for each fold (or each fold and replicate).
        ratio: lesions tested over lesions trained on, counting neither variants nor samples.

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

    All 2^R ways of exchanging the arms' names where that is few, else a seeded draw of them. It
    takes the patients as they are: it speaks of re-runs on these patients only.

    Source: Fisher, The Design of Experiments (1935), section 21.
    """
    differences = differences[np.isfinite(differences)]
    if len(differences) < 2:  # one sign: either is as likely as the other
        return 1.0 if len(differences) else float("nan")
    result = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=FLIPS,
        vectorized=True,
        rng=seeds.generator(0, "sign flip"),
    )
    return float(result.pvalue)


def exact_mcnemar(one: Panel, other: Panel, replicate: int) -> float:
    """Return the exact McNemar p value of right against wrong in one replicate.

    It takes lesions as independent and the two networks as fixed. Source: McNemar,
    Psychometrika 12:153 (1947).
    """
    a, b = (panel.predicted[:, replicate] == panel.label for panel in (one, other))
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    return float(mcnemar(table, exact=True).pvalue)


def _values(panel: Panel, endpoint: tuple[str, str]) -> np.ndarray:
    """Return an endpoint's value in each replicate."""
    for item in influences(panel):
        if (item.endpoint, item.category) == endpoint:
            return item.value
    raise KeyError(endpoint)


def _fold_differences(
    one: Panel, other: Panel, endpoint: tuple[str, str]
) -> tuple[np.ndarray, float]:
    """Return the differences fold by fold, and lesions tested over lesions trained on.

    Where all replicates use one split, they are averaged first; where each splits anew, each of
    its folds is a resample of its own.
    """
    folds = range(one.folds)
    table = np.array(
        [
            [_difference(one, other, endpoint, r, fold) for fold in folds]
            for r in range(len(one.replicates))
        ]
    )
    same = (one.fold == one.fold[:, :1]).all()
    tested = np.stack([(one.fold == fold).sum(axis=0) for fold in folds])
    ratio = float(np.mean(tested / np.maximum(1, len(one.label) - tested)))
    return (table.mean(axis=0) if same else table.ravel()), ratio


def _difference(
    one: Panel, other: Panel, endpoint: tuple[str, str], replicate: int, fold: int
) -> float:
    inside = one.fold[:, replicate] == fold
    a, b = (_values(_part(panel, inside, replicate), endpoint) for panel in (one, other))
    return float(a[0] - b[0])


def _part(panel: Panel, inside: np.ndarray, replicate: int) -> Panel:
    """Return the panel of some lesions in one replicate."""
    columns = slice(replicate, replicate + 1)
    return replace(
        panel,
        replicates=panel.replicates[columns],
        lesion_id=panel.lesion_id[inside],
        label=panel.label[inside],
        case=np.unique(panel.case[inside], return_inverse=True)[1],
        fold=panel.fold[inside, columns],
        predicted=panel.predicted[inside, columns],
        probability=panel.probability[inside, columns],
    )
