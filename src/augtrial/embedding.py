"""The classifier's last layer as a picture: t-SNE of held-out lesions and their variants.

A picture proves nothing: beside it stands the accuracy of the nearest neighbours in the same
features, with a patient's own images left out.
"""

import numpy as np

from augtrial import seeds

BLOCK = 256  # images whose distances to all others are in memory at a time


def shown_lesions(count: int, most: int, *, seed: int) -> np.ndarray:
    """Return which of `count` lesions the picture shows, in their order: all, or `most` of them."""
    chosen = seeds.generator(seed, "embedding", "lesions").permutation(count)[:most]
    return np.sort(chosen)


def embed(features: np.ndarray, *, perplexity: float, seed: int) -> np.ndarray:
    """Return t-SNE coordinates [n, 2] of features [n, d], begun from their principal components.

    Perplexity is lowered where there are too few points for it (it must stay below n).
    """
    from sklearn.manifold import TSNE

    perplexity = min(perplexity, (len(features) - 1) / 3)
    state = seeds.derive(seed, "t-SNE") % 2**32
    model = TSNE(perplexity=perplexity, init="pca", random_state=state, n_jobs=1)
    return model.fit_transform(np.ascontiguousarray(features, dtype=np.float64))


def neighbour_accuracy(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, neighbours: int
) -> float:
    """Return the share of images whose nearest neighbours of other patients vote for its class.

    Args:
        features: [n, d].
        labels: class of each [n].
        groups: patient of each [n]; images of one patient are no neighbours.
        neighbours: k; ties go to the class of the nearest.
    """
    from sklearn.metrics import pairwise_distances

    correct = []
    for start in range(0, len(features), BLOCK):
        own = slice(start, start + BLOCK)
        distances = pairwise_distances(features[own], features)
        distances[groups[own, None] == groups] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
        for place, (row, truth) in enumerate(zip(order, labels[own], strict=True)):
            near = labels[row[np.isfinite(distances[place, row])]]
            correct.append(len(near) > 0 and _vote(near) == truth)
    return float(np.mean(correct))


def _vote(near: np.ndarray) -> str:
    """Return the class that most neighbours have; of several, that of the nearest."""
    names, counts = np.unique(near, return_counts=True)
    best = set(names[counts == counts.max()])
    return next(label for label in near if label in best)
