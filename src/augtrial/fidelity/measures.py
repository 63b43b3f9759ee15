"""How alike two sets of images are in a feature space: KID, FID, density and coverage.

Every function takes feature rows [n, d], whatever the features are.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

BLOCK = 512  # rows of a distance or kernel matrix that are in memory at a time


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Return the kernel distance, an unbiased estimate of MMD^2; about 0, also below, if alike.

    k(x, y) = (x . y / d + 1)^3 for features [n, d] and [m, d], n and m at least 2.

    Source: Binkowski et al., arXiv 1801.01401, section 4.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    within = [_pairs_sum(x) / (len(x) * (len(x) - 1)) for x in (a, b)]
    between = sum(_kernel(rows, b).sum() for rows in _blocks(a))
    return float(sum(within) - 2 * between / (len(a) * len(b)))


def told_apart(
    learnt: tuple[np.ndarray, np.ndarray], judged: tuple[np.ndarray, np.ndarray]
) -> float:
    """Return how well real and synthetic images are told apart: an AUC, 0.5 by chance, 1 always.

    It is the probability that of a real and a synthetic image the linear classifier names the right
    one (two-alternative forced choice). Each pair has features of real [n, d] and of synthetic
    images [m, d]; the classifier, a logistic regression, learns from the first pair alone.
    """
    (x, y), (new, kinds) = (
        (np.concatenate(pair), np.repeat([0, 1], [len(pair[0]), len(pair[1])]))
        for pair in (learnt, judged)
    )
    linear = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced")
    )
    return float(roc_auc_score(kinds, linear.fit(x, y).decision_function(new)))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    base = a @ b.T / a.shape[1] + 1
    return base * base * base  # a power would take ten times as long


def _pairs_sum(features: np.ndarray) -> float:
    """Return the kernel's sum over all ordered pairs of two different rows."""
    total = 0.0
    for start, rows in enumerate(_blocks(features)):
        block = _kernel(rows, rows)
        later = _kernel(rows, features[(start + 1) * BLOCK :])
        total += block.sum() - np.trace(block) + 2 * later.sum()
    return total


def fid(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Frechet distance of two sets' normal approximations, never below 0.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), by symmetric eigendecomposition. Biased
    upwards in few images, by an amount that depends on the generator: read KID first.

    Sources: Heusel et al., arXiv 1706.08500; the bias: Chong & Forsyth, arXiv 1911.07023.
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    gap = a.mean(axis=0) - b.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    return max(0.0, float(gap @ gap + np.trace(first) + np.trace(second) - 2 * overlap))


def density_coverage(real: np.ndarray, synthetic: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Return density and coverage of synthetic features by the balls of the real ones.

    A real image's ball reaches to its k-th nearest other real image. Density counts how many balls
    a synthetic image lies in, over k; coverage is the share of the balls with a synthetic image.
    At small n neither is 1 for two sets of one kind: read them beside real against real.

    Source: Naeem et al., arXiv 2002.09797, equations 3 and 4.
    """
    inside, covered = 0, 0
    radius = np.concatenate(
        [np.partition(rows, k, axis=1)[:, k].copy() for rows in _squared_distances(real, real)]
    )  # the nearest of all is the image itself; a view would hold on to all distances
    start = 0
    for rows in _squared_distances(real, synthetic):
        reach = radius[start : start + len(rows)]
        inside += int((rows < reach[:, None]).sum())
        covered += int((rows.min(axis=1) < reach).sum())
        start += len(rows)
    return inside / (k * len(synthetic)), covered / len(real)


def nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the distance of each row of `a` to its nearest row of `b`: [n]."""
    return np.sqrt(np.concatenate([rows.min(axis=1) for rows in _squared_distances(a, b)]))


def _squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """Yield squared Euclidean distances, some rows of `a` at a time: [block, m]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    lengths = (b**2).sum(axis=1)
    for rows in _blocks(a):
        yield np.clip((rows**2).sum(axis=1)[:, None] + lengths - 2 * rows @ b.T, 0, None)


def _blocks(features: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(features), BLOCK):
        yield features[start : start + BLOCK]
