"""Baselines without a network: an SVM on what can be measured of a lesion.

A CNN that does not beat a ruler has learned nothing; one that does not beat texture and edges has
learned no more than radiology knew before (the group of Frid-Adar et al. reached 88-99 % of right
answers that way on similar lesions).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import sobel
from scipy.special import softmax
from scipy.stats import kurtosis, skew
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

LEVELS = 16  # of grey in the co-occurrence matrices
BANDS = 16  # of spatial frequency


def measure(kind: str, images: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Return what one kind of baseline sees of ROIs uint8 [n, s, s]: float [n, k].

    `size` is the logarithm of the diameter (mm where it is known, else pixels); `spectrum` the
    power of the ROI by spatial frequency, which an enlarged small lesion lacks; `hand-crafted`
    grey values, texture and edges inside the lesion and at its margin. `table` is of rois.csv.
    """
    if kind == "size":
        known = table["diameter_mm"].fillna(table["diameter_px"])
        return np.log(known.to_numpy(dtype=float))[:, None]
    pixels = images.astype(np.float64) / 255
    if kind == "spectrum":
        return np.array([spectrum(image) for image in pixels])
    share = (table["diameter_px"] / table["side_px"]).to_numpy(dtype=float)
    radii = share * images.shape[-1] / 2
    lesions = zip(pixels, radii, strict=True)
    return np.array([np.concatenate([texture(*roi), grey_values(*roi)]) for roi in lesions])


def fit_baseline(features: np.ndarray, labels: Sequence[str]) -> Pipeline:
    """Return an SVM with Gaussian kernel, C = 3, on standardised features; nothing is tuned.

    Classes weigh alike, whatever their numbers.
    """
    machine = SVC(C=3.0, class_weight="balanced", decision_function_shape="ovr")
    return make_pipeline(StandardScaler(), machine).fit(features, labels)


def baseline_scores(machine: Pipeline, features: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return scores [n, classes] that sum to 1: the softmax of the decision values.

    They rank lesions and are no probabilities. A class that the machine has never seen has 0.
    """
    decision = machine.decision_function(features)
    if decision.ndim == 1:  # of two classes scikit-learn gives the second's alone
        decision = np.stack([-decision, decision], axis=1)
    known = softmax(decision, axis=1)
    scores = np.zeros((len(features), len(classes)))
    for column, label in enumerate(machine.classes_):
        scores[:, list(classes).index(label)] = known[:, column]
    return scores


def _distance(side: int, radius: float) -> np.ndarray:
    """Return each pixel's distance from the middle, in lesion radii."""
    axis = (np.arange(side) + 0.5 - side / 2) / radius
    return np.hypot(axis[:, None], axis[None, :])


def texture(image: np.ndarray, radius: float) -> np.ndarray:
    """Return mean and spread, edge strength and co-occurrence of a lesion and its margin.

    The ROI is float [s, s] in [0, 1], the lesion's radius in its pixels.
    """
    distance = _distance(len(image), radius)
    core, rim, margin = distance < 0.6, (distance >= 0.75) & (distance < 1.25), distance >= 1.25
    edge = np.hypot(sobel(image, 0), sobel(image, 1))
    inside = image[distance < 1]
    cut = slice(round(len(image) * 12 / 64), round(len(image) * 52 / 64))
    around = image[margin] if margin.any() else image[~core]
    grey = [inside.mean(), inside.std(), around.mean() - image[core].mean(), around.std()]
    edges = [edge[rim].mean(), edge[rim].std(), edge[rim].max(), edge[core].mean()]
    near, far = (co_occurrence(image[cut, cut], step) for step in (1, 3))
    return np.array([*grey, *edges, *near, *far])


def co_occurrence(image: np.ndarray, step: int) -> tuple[float, ...]:
    """Return contrast, homogeneity, energy and correlation over four directions.

    Source: Haralick et al., IEEE Trans Syst Man Cybern 3:610 (1973).
    """
    grey = np.minimum((image * LEVELS).astype(int), LEVELS - 1)
    far = slice(step, None), slice(None, -step), slice(None)
    counts = np.zeros((LEVELS, LEVELS))
    for a, b, c, d in ((2, 0, 2, 1), (0, 2, 1, 2), (0, 0, 1, 1), (0, 1, 1, 0)):
        pixels, neighbours = grey[far[a], far[b]], grey[far[c], far[d]]
        np.add.at(counts, (pixels.ravel(), neighbours.ravel()), 1)
    share = (counts + counts.T) / counts.sum() / 2
    i, j = np.indices(share.shape)
    mean = np.sum(i * share)
    variance = max(np.sum((i - mean) ** 2 * share), 1e-9)
    correlation = np.sum((i - mean) * (j - mean) * share) / variance
    contrast, homogeneity = np.sum((i - j) ** 2 * share), np.sum(share / (1 + (i - j) ** 2))
    return contrast, homogeneity, np.sum(share**2), correlation


def grey_values(image: np.ndarray, radius: float) -> np.ndarray:
    """Return skewness, kurtosis and percentiles of the grey values inside a lesion."""
    inside = image[_distance(len(image), radius) < 1]
    shape = [skew(inside), kurtosis(inside)] if np.ptp(inside) > 0 else [0.0, 0.0]
    return np.array([*shape, *np.percentile(inside, [10, 25, 50, 75, 90])])


def spectrum(image: np.ndarray) -> np.ndarray:
    """Return the logarithm of an image's mean power in bands of spatial frequency.

    A Hann window keeps the edges of the picture out of it; the mean is taken away first.
    """
    side = len(image)
    window = np.hanning(side)
    power = np.abs(np.fft.fft2((image - image.mean()) * np.outer(window, window))) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    band = np.minimum((frequency / 0.5 * BANDS).astype(int), BANDS - 1)
    return np.log(np.bincount(band.ravel(), power.ravel()) / np.bincount(band.ravel()) + 1e-9)
