"""Whether a synthesizer repeats its training lesions (docs/fidelity.md, Copies)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.ndimage import gaussian_filter, map_coordinates
from sklearn.cluster import DBSCAN

from augtrial.fidelity import measures

RINGS, RAYS, HARMONICS = 14, 64, 9
SMOOTHING = 0.02  # of the side: standard deviation of the blur that takes noise away
PERMUTATIONS = 99_999  # so that p can be small enough for Holm's correction over many trainings
POWER = 0.8  # with which `detectable` copies are found
REFERENCES = 1000  # lesions, training and held out each, that give the null distribution, at most


def polar_descriptor(images: np.ndarray) -> np.ndarray:
    """Return how each image varies along rings about its middle, whatever way it is turned.

    The magnitudes of the angular Fourier series on rings: a rotation changes phases only, a
    reflection turns them about. Images are uint8 [n, s, s], descriptors float32
    [n, RINGS * HARMONICS]; a difference of 1 is one of the whole grey range.
    """
    side = images.shape[-1]
    radius = (np.arange(RINGS) + 0.5) / RINGS * (side / 2 - 1)
    angle = np.arange(RAYS) * 2 * np.pi / RAYS
    middle = (side - 1) / 2
    coordinates = middle + radius[:, None] * np.stack([np.sin(angle), np.cos(angle)])[:, None]
    weight = np.sqrt(radius / radius.sum())[:, None]  # a ring counts by its length
    smooth = gaussian_filter(images.astype(np.float64) / 255, SMOOTHING * side, axes=(1, 2))
    rings = np.empty((len(images), RINGS, RAYS))
    for image, samples in zip(smooth, rings, strict=True):
        map_coordinates(image, coordinates, samples, order=1, mode="nearest")
    harmonics = np.abs(np.fft.rfft(rings)[..., :HARMONICS]) / RAYS
    harmonics[..., 1:] *= np.sqrt(2)
    return (harmonics * weight).astype(np.float32).reshape(len(images), -1)


@dataclass(frozen=True)
class Memorisation:
    """Nearest-neighbour evidence on one class of one synthesizer.

    `closer` is the share of samples that lie nearer to training than to held-out lesions, 0.5
    without copying, with its permutation p value; `suspects` the share of samples that lie nearer
    to one training lesion, measured against the next, than any lesion lies to the others. Their p
    value counts `distinct` samples and `references`, lesions of which two that are each other's
    nearest are one. `recognised` is the share of the training lesions' own images that would be
    suspects if they were samples.
    """

    closer: float
    closer_p: float
    suspects: float
    suspects_p: float
    distinct: int
    references: int
    recognised: float

    @property
    def null_reference(self) -> float:
        """The share of suspects expected without copying."""
        return 1 / (self.references + 1)


def memorisation(
    samples: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    generator: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Memorisation:
    """Return the evidence for copies among samples.

    All are descriptors: of samples [n, d], of the training lesions' images [lesions, images, d],
    and of those of held-out lesions, with as many images each. Of many lesions `REFERENCES`,
    training and held out each, give the ratios of lesions that are no copies: all against all
    would cost their square.

    `suspects` are told by ratios since a blurred mean of lesions is near to many, a copy to one.
    Source of `closer`: Meehan et al., arXiv 2004.05675, who ask the same of all training points.
    """
    to_training = _by_lesion(samples, training)
    closer, closer_p = _closer(to_training, _by_lesion(samples, held_out), generator, permutations)
    # All lesions are references, or some spread evenly.
    step, fresh_step = (math.ceil(len(x) / REFERENCES) for x in (training, held_out))
    lesions = training[::step]
    among = _by_lesion(lesions[:, 0], training)
    itself = step * np.arange(len(among))
    among[np.arange(len(among)), itself] = np.inf  # is no neighbour
    fresh = _by_lesion(held_out[::fresh_step, 0], training)
    smallest = min(_ratio(fresh).min(), _ratio(among).min())
    # Two lesions, each the other's nearest, have small ratios together: they are one reference.
    pairs = np.unique(np.sort([itself, among.argmin(axis=1)], axis=0), axis=1)
    references = len(fresh) + pairs.shape[1]
    suspect = _ratio(to_training) < smallest
    # Samples repeat each other if no two lesions lie so near, or if they repeat one lesion.
    kept = _one_of_each(samples, min(among.min(), fresh.min()))
    found = len(np.unique(to_training[kept].argmin(axis=1)[suspect[kept]]))
    distinct = found + int((~suspect[kept]).sum())
    gaps = np.linalg.norm(lesions[:, :, None] - lesions[:, None], axis=3)
    own = (gaps + np.diag(np.full(gaps.shape[1], np.inf))).min(axis=2)
    recognised = float((own < smallest * among.min(axis=1)[:, None]).mean())
    p = float(exchangeability_p(found, distinct, references))
    share = float(suspect.mean())
    return Memorisation(closer, closer_p, share, p, distinct, references, recognised)


def exchangeability_p(found: np.ndarray | int, samples: np.ndarray | int, lesions: int) -> Any:
    """Return how probable it is that the smallest `found` of all ratios are those of samples.

    Without copying, the ratios of samples and lesions are exchangeable.
    """
    return stats.hypergeom.pmf(found, samples + lesions, samples, found)


def detectable(
    distinct: int, references: int, lesions: int, recognised: float, level: float
) -> float:
    """Return the share of copies among distinct samples that is found with 80 % power.

    The numbers are those of `Memorisation`, with the number of training lesions. Each is copied
    with the same probability, and the recognised share of them shows it. `level` is that of p.
    Infinite if no share would be found.
    """
    suspects = np.arange(1, distinct + 1)
    known = max(1, int(lesions * recognised))
    # Several copies of one lesion are one finding: lesions count, at least so many with this power.
    found = stats.binom.ppf(1 - POWER, known, 1 - (1 - 1 / known) ** suspects)
    p = exchangeability_p(found, distinct - suspects + found, references)
    enough = suspects[p < level]
    share = enough[0] / distinct / recognised if len(enough) and recognised else math.inf
    return float(share) if share <= 1 else math.inf


def nearest_pairs(
    samples: np.ndarray, training: np.ndarray, number: int
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the samples most like copies, and the lesion and image that each is nearest to.

    Samples come in the order of their distance to the nearest training lesion over that to the
    next, one a lesion, at most `number`.
    """
    distances = _by_lesion(samples, training)
    pairs: dict[int, tuple[int, int]] = {}  # lesion: sample, image
    for sample in np.argsort(_ratio(distances), kind="stable"):
        lesion = int(distances[sample].argmin())
        if lesion not in pairs and len(pairs) < number:
            gaps = np.linalg.norm(training[lesion] - samples[sample], axis=1)
            pairs[lesion] = int(sample), int(gaps.argmin())
    order = np.array([sample for sample, _ in pairs.values()], dtype=int)
    return order, [(lesion, image) for lesion, (_, image) in pairs.items()]


def _by_lesion(rows: np.ndarray, lesions: np.ndarray) -> np.ndarray:
    """Return the distance of each row to the nearest image of each lesion: [n, lesions]."""
    return np.stack([measures.nearest(rows, images) for images in lesions], axis=1)


def _ratio(distances: np.ndarray) -> np.ndarray:
    """Return the distance to the nearest lesion over that to the next: [n], in [0, 1]."""
    two = np.partition(distances, 1, axis=1)[:, :2]
    return two[:, 0] / np.maximum(two[:, 1], 1e-12)


def _one_of_each(samples: np.ndarray, radius: float) -> np.ndarray:
    """Return the first sample of each group whose members lie within a radius of each other."""
    groups = DBSCAN(eps=max(radius, 1e-12), min_samples=1).fit_predict(samples)
    return np.unique(groups, return_index=True)[1]


def _closer(
    to_training: np.ndarray,
    to_held_out: np.ndarray,
    generator: np.random.Generator,
    permutations: int,
) -> tuple[float, float]:
    """Return the share of samples nearer to training lesions, and its permutation p value.

    The share compares groups of as many training as held-out lesions. The test counts to how many
    samples each lesion is the nearest, and exchanges lesions: it holds however alike samples are.
    """
    lesions, fresh = to_training.shape[1], to_held_out.shape[1]
    number = min(lesions, fresh)
    groups = max(1, lesions // number)
    order = generator.permutation(lesions)[: groups * number].reshape(groups, number)
    b = to_held_out[:, generator.permutation(fresh)[:number]].min(axis=1)
    nearest = [to_training[:, group].min(axis=1) for group in order]
    share = float(np.mean([(a < b) + 0.5 * (a == b) for a in nearest]))

    both = np.concatenate([to_held_out, to_training], axis=1)  # a tie is no evidence of copying
    counts = np.bincount(both.argmin(axis=1), minlength=both.shape[1])
    sizes, frequency = np.unique(counts, return_counts=True)
    permuted = generator.multivariate_hypergeometric(frequency, lesions, permutations) @ sizes
    as_many = int((permuted >= counts[fresh:].sum()).sum())
    return share, (1 + as_many) / (1 + permutations)
