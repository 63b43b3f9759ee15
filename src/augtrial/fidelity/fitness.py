"""What the rule of fitness is judged by: measures of one training, inside the training patients.

A second network is trained without some of the training patients. Its samples are compared with
those patients' lesions (`unseen`) and with the lesions that it has learnt from (`seen`), in
features of a classifier that has not met the unseen ones either. Every measure has the value of
real lesions beside it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter
from scipy.spatial.distance import pdist, squareform

from augtrial.core.names import MIN_LESIONS
from augtrial.fidelity.measures import density_coverage, kid

if TYPE_CHECKING:
    from augtrial.fidelity.appraisal import Features

NEIGHBOURS = 5  # k of the coverage
LAYOUT = 16  # side of the small image whose pixels are the layout
CLOSE = 0.5  # of the distance between a lesion and its nearest other one, in the median

MEASURES = ("coverage", "near-duplicates", "class consistency", "layout KID", "fine detail")
COLUMNS = ["class", "measure", "value", "reference", "samples", "seen", "unseen"]


def fitness_measures(
    samples: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
    unseen: Mapping[str, np.ndarray],
    variants: Mapping[str, np.ndarray],
    features: "Features",
    predicted: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Return a row a class and measure, with that of real lesions as the reference.

    All images are uint8 [n, s, s] by class: `samples` of the second network, ROIs of the lesions
    that are `seen` and `unseen`, and as many `variants` of seen ones as there are samples, each of
    a lesion at random. `predicted` holds the classes of "samples/<class>" and "unseen/<class>".
    Value and reference are NaN where a class has fewer than ten seen or unseen lesions.
    """
    rows: list[dict[str, Any]] = []
    for label, images in samples.items():
        counts = {"samples": len(images), "seen": len(seen[label]), "unseen": len(unseen[label])}
        known = min(counts["seen"], counts["unseen"]) >= MIN_LESIONS
        found = dict.fromkeys(MEASURES, (np.nan, np.nan))
        if known:
            found |= _measures(images, seen[label], unseen[label], variants[label], features)
            right = (predicted[f"{kind}/{label}"] == label for kind in ("samples", "unseen"))
            consistent, reference = map(float, map(np.mean, right))
            found["class consistency"] = consistent, reference
        for measure, (value, reference) in found.items():
            about = {"class": label, "measure": measure}
            rows.append({**about, "value": value, "reference": reference, **counts})
    return pd.DataFrame(rows, columns=COLUMNS)


def _measures(
    images: np.ndarray,
    seen: np.ndarray,
    unseen: np.ndarray,
    variants: np.ndarray,
    features: "Features",
) -> Iterator[tuple[str, tuple[float, float]]]:
    real, new, drawn = (features.extract(x) for x in (seen, unseen, images))
    # As many samples as there are unseen lesions cover as much by chance; the mean over groups.
    groups = np.array_split(drawn, max(1, len(drawn) // len(new)))
    covered = [density_coverage(real, group, NEIGHBOURS)[1] for group in groups]
    yield "coverage", (float(np.mean(covered)), density_coverage(real, new, NEIGHBOURS)[1])
    near = near_duplicates(images, seen), near_duplicates(variants, seen)
    yield "near-duplicates", near
    layouts = [layout(x) for x in (seen, unseen, images)]
    spread = layouts[0].std()
    real, new, drawn = ((x - layouts[0].mean()) / spread for x in layouts)
    yield "layout KID", (kid(drawn, real), kid(new, real))
    details = [fine_detail(x) for x in (images, unseen, seen)]
    yield "fine detail", (details[0] / details[2], details[1] / details[2])


def layout(images: np.ndarray) -> np.ndarray:
    """Return images uint8 [n, s, s] as 16x16 pixels each, in [0, 1]: [n, 256]."""
    block = images.shape[-1] // LAYOUT
    blocks = images.reshape(len(images), LAYOUT, block, LAYOUT, block)
    return (blocks.mean(axis=(2, 4)) / 255).reshape(len(images), -1)


def near_duplicates(images: np.ndarray, lesions: np.ndarray) -> float:
    """Return the share of images that have another one half as far as a lesion's nearest one is.

    Distances are those of layouts; that of a lesion to its nearest one is the median over lesions.
    """
    limit = CLOSE * np.median(_nearest_other(lesions))
    return float((_nearest_other(images) < limit).mean())


def _nearest_other(images: np.ndarray) -> np.ndarray:
    between = squareform(pdist(layout(images)))
    np.fill_diagonal(between, np.inf)
    return between.min(axis=1)


def fine_detail(images: np.ndarray) -> float:
    """Return the median standard deviation of images from themselves smoothed, in grey levels.

    Smoothed is the mean of 3x3 pixels: what is left are edges and grain.
    """
    images = images.astype(float)
    rest = images - uniform_filter(images, (0, 3, 3))
    return float(np.median(rest.std(axis=(1, 2))))
