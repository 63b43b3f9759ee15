"""The interval of a paired difference, and what few discordant patients cannot exclude."""

from typing import Any

import numpy as np
from scipy import stats

Numbers = Any  # a number, or an array [n]


def paired_limits(
    mean: Numbers, se: Numbers, df: Numbers, confidence: float, trials: Numbers | None = None
) -> tuple[Numbers, Numbers, Numbers]:
    """Return the interval of paired differences and its p value, of numbers or of arrays [n].

    `trials` is what the discordant patients are worth (see `sparse_limits`), None where the
    difference is none of right answers.
    """
    reach = se * stats.t.ppf((1 + confidence) / 2, df)
    low, high = mean - reach, mean + reach
    if trials is not None:
        least, most = sparse_limits(mean, trials, confidence)
        low, high = np.minimum(low, least), np.maximum(high, most)
    return low, high, 2 * stats.t.sf(np.abs(mean) / se, df)


def sparse_limits(
    difference: Numbers, trials: Numbers, confidence: float
) -> tuple[Numbers, Numbers]:
    """Return the least and the largest true difference that few discordant trials cannot exclude.

    If the true difference of two proportions is d, the variance of the observed one is at least |d|
    (1 - |d|) / trials: that share of the trials is right in one arm alone. So the limits are those
    of the score interval without pairs in the other direction, 0 included. Numbers or arrays [n].

    Source: Tango, Stat Med 17:891 (1998).
    """
    z2 = float(stats.norm.ppf((1 + confidence) / 2)) ** 2 / trials
    limits = [np.asarray(difference)]
    for sign in (-1, 1):  # (sign x difference - m)^2 <= z2 m (1 - m), m on this side of zero
        middle = sign * difference + z2 / 2
        discriminant = middle**2 - (1 + z2) * difference**2
        exist = (middle > 0) & (discriminant >= 0)
        root = np.sqrt(np.where(exist, discriminant, 0))
        ends = [sign * (middle + side * root) / (1 + z2) for side in (-1, 1)]
        limits += [np.where(exist, end, difference) for end in ends]
    return np.min(limits, axis=0), np.max(limits, axis=0)
