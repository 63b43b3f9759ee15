"""Whether a synthesizer repeats its training lesions (docs/fidelity.md, Copies)."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from augtrial.fidelity import measures

RINGS, RAYS, HARMONICS = 14, 64, 9
SMOOTHING = 0.02  # of the side: standard deviation of the blur that takes noise away
PERMUTATIONS = 999
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
    to one training lesion, measured against the next, than any lesion lies to the others, with the
    p value of so many, and `null_reference` the share expected without copying.
    """

    closer: float
    closer_p: float
    suspects: float
    suspects_p: float
    null_reference: float


def memorisation(
    samples: np.ndarray, training: np.ndarray, held_out: np.ndarray, generator: np.random.Generator
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
    to_held_out = _by_lesion(samples, held_out)
    number = min(len(training), len(held_out))
    closer, closer_p = _closer(to_training, to_held_out, number, generator)
    # All lesions are references, or some spread evenly.
    step, fresh_step = (math.ceil(len(x) / REFERENCES) for x in (training, held_out))
    among = _by_lesion(training[::step, 0], training)
    among[np.arange(len(among)), step * np.arange(len(among))] = np.inf  # itself is no neighbour
    fresh = _by_lesion(held_out[::fresh_step, 0], training)
    null = np.concatenate([_ratio(fresh), _ratio(among)])
    found = int((_ratio(to_training) < null.min()).sum())
    left = len(samples) - np.arange(found)
    suspects_p = float(np.prod(left / (left + len(null))))
    return Memorisation(closer, closer_p, found / len(samples), suspects_p, 1 / (len(null) + 1))


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


def _closer(
    to_training: np.ndarray, to_held_out: np.ndarray, number: int, generator: np.random.Generator
) -> tuple[float, float]:
    """Return the share of samples nearer to training lesions, and its permutation p value."""
    groups = max(1, to_training.shape[1] // number)
    order = generator.permutation(to_training.shape[1])[: groups * number].reshape(groups, number)
    chosen = generator.permutation(to_held_out.shape[1])[:number]
    held_out = to_held_out.T[chosen]
    both = [np.concatenate([to_training.T[group], held_out]) for group in order]

    def share(distances: np.ndarray) -> float:  # of samples nearer to the first half of lesions
        a, b = distances[:number].min(axis=0), distances[number:].min(axis=0)
        return float(((a < b) + 0.5 * (a == b)).mean())

    observed = float(np.mean([share(distances) for distances in both]))
    permuted = [
        share(both[turn % groups][generator.permutation(2 * number)])
        for turn in range(PERMUTATIONS)
    ]
    as_far = int((np.array(permuted) >= observed - 1e-12).sum())
    return observed, (1 + as_far) / (1 + PERMUTATIONS)
