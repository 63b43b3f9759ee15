"""The classifier's last layer as a picture: t-SNE of held-out lesions and their variants.

A picture proves nothing: beside it stands the accuracy of the nearest neighbours in the same
features, with a patient's own images left out.
"""

from collections import Counter

import numpy as np
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances

from augtrial.core import seeds

BLOCK = 256  # images whose distances to all others are in memory at a time


def shown_lesions(count: int, most: int, *, seed: int) -> np.ndarray:
    """Return which of `count` lesions the picture shows, in their order: all, or `most` of them."""
    return np.sort(seeds.generator(seed, "embedding", "lesions").permutation(count)[:most])


def embed(features: np.ndarray, *, perplexity: float, seed: int) -> np.ndarray:
    """Return t-SNE coordinates [n, 2] of features [n, d], begun from their principal components.

    Perplexity is lowered where there are too few points for it (it must stay below n).
    """
    perplexity = min(perplexity, (len(features) - 1) / 3)
    state = seeds.derive(seed, "t-SNE") % 2**32
    model = TSNE(perplexity=perplexity, init="pca", random_state=state, n_jobs=1)
    return model.fit_transform(np.ascontiguousarray(features, dtype=np.float64))


def neighbour_accuracy(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, neighbours: int
) -> float:
    """Return the share of images whose nearest neighbours of other patients vote for its class.

    Features are [n, d]; labels and groups [n] are the class and the patient of each image. Ties go
    to the class of the nearest.
    """
    correct = []
    for start in range(0, len(features), BLOCK):
        block = slice(start, start + BLOCK)
        distances = pairwise_distances(features[block], features)
        distances[groups[block, None] == groups] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :neighbours]
        for row, nearest, truth in zip(distances, order, labels[block], strict=True):
            votes = Counter(labels[nearest[np.isfinite(row[nearest])]].tolist())
            # Of several with as many votes, this is the first that was counted: the nearest's.
            correct.append(bool(votes) and votes.most_common(1)[0][0] == truth)
    return float(np.mean(correct))
