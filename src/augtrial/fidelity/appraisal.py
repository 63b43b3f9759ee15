"""The appraisal of one fold's synthetic images: fidelity, diversity, consistency, memorisation."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.multitest import multipletests

from augtrial.core import seeds
from augtrial.core.names import MIN_LESIONS
from augtrial.fidelity.measures import density_coverage, fid, kid, told_apart
from augtrial.fidelity.memorisation import (
    detectable,
    memorisation,
    nearest_pairs,
    polar_descriptor,
)

NEIGHBOURS = 5  # k of density and coverage
MAX_VARIANTS = 8  # of each lesion, among which copies are looked for
PAIRS = 8  # closest pairs that are kept as pictures
SIGNIFICANCE_LEVEL = 0.01  # adjusted p below which a training counts as one that copied

MEAN_COLUMNS = [
    *("synthesizer", "class", "measure", "value", "sd", "reference", "significant", "trainings"),
    *("detectable", "unit", "replicates", "folds", "synthetic", "training", "held_out"),
]
UNITS = {"KID": "kernel units", "FID": "squared feature units", "density": "ratio"}
COLUMNS = [
    *("class", "measure", "value", "reference", "p", "synthetic", "training", "held_out"),
    *("distinct", "references", "recognised"),  # of suspected copies: what its p stands on
]


class Features(Protocol):
    """Anything that turns images into features, and has a name."""

    name: str

    def extract(self, images: np.ndarray) -> np.ndarray:
        """Return features [n, d] of uint8 images [n, s, s]."""
        ...


@dataclass(frozen=True)
class RealLesions:
    """Real lesions: those behind a synthesizer, or those that its fold holds out.

    `images` are uint8 [n, m, s, s], each lesion's ROI and then some of its variants; `descriptors`
    are float32 [n, m, d], computed once for all folds and synthesizers.
    """

    images: np.ndarray
    descriptors: np.ndarray
    labels: np.ndarray

    @classmethod
    def from_part(
        cls, rois: np.ndarray, variants: Sequence[np.ndarray], labels: Sequence[str]
    ) -> "RealLesions":
        """Return a part's lesions: ROIs uint8 [n, s, s], variants [n, N, s, s], classes."""
        some = np.stack([each[:MAX_VARIANTS] for each in variants])
        images = np.concatenate([rois[:, None], some], axis=1)
        descriptors = np.stack([polar_descriptor(lesion) for lesion in images])
        return cls(images, descriptors, np.array(labels))

    @classmethod
    def concatenate(cls, parts: Sequence["RealLesions"]) -> "RealLesions":
        """Return the lesions of several parts together."""
        names = ("images", "descriptors", "labels")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def select(self, label: str) -> "RealLesions":
        """Return the lesions of one class."""
        chosen = np.flatnonzero(self.labels == label)
        return RealLesions(self.images[chosen], self.descriptors[chosen], self.labels[chosen])

    @property
    def rois(self) -> np.ndarray:
        """The lesions' ROIs, uint8 [n, s, s]."""
        return self.images[:, 0]


def appraise(
    samples: Mapping[str, np.ndarray],
    training: RealLesions,
    held_out: RealLesions,
    features: Sequence[Features],
    predicted: Mapping[str, np.ndarray],
    *,
    seed: int,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return rows of measures, class by class, and the pictures of the closest pairs.

    docs/fidelity.md says what each measure and its reference are. Too few lesions give NaN.

    `samples` are synthetic images uint8 [m, s, s] by class, `training` the lesions behind the
    synthesizer; `predicted` holds the classes that the classifier predicts for "samples/<class>"
    and "held out". The seed draws the groups of the permutation test.
    """
    rows: list[dict[str, Any]] = []
    pictures: dict[str, np.ndarray] = {}
    for label, images in samples.items():
        trained, fresh = training.select(label), held_out.select(label)
        counts = {"training": len(trained.rois), "held_out": len(fresh.rois)}
        compared = images[: counts["held_out"]]
        for space in features:
            rows += [
                {"class": label, **measure, "synthetic": len(compared), **counts}
                for measure in _distances(compared, trained, fresh, space)
            ]
        right = predicted["held out"][held_out.labels == label] == label
        reference = right.mean() if len(right) else np.nan
        consistent = np.mean(predicted[f"samples/{label}"] == label)
        consistency = _measure("class consistency", consistent, reference)
        told = _told_apart(images, trained, fresh, features[0])
        memorised, pairs = _memorisation(images, trained, fresh, label, seed)
        rows += [
            {"class": label, **measure, "synthetic": len(images), **counts}
            for measure in (consistency, told, *memorised)
        ]
        pictures |= pairs
    rows.append(_train_on_synthetic(samples, training, held_out, features[0]))
    return rows, pictures


def _measure(name: str, value: float, reference: float, p: float = np.nan) -> dict[str, Any]:
    return {"measure": name, "value": value, "reference": reference, "p": p}


def _distances(
    images: np.ndarray, trained: RealLesions, fresh: RealLesions, space: Features
) -> Iterator[dict[str, Any]]:
    """Yield the distances of the images, and of held-out lesions, to the training lesions."""
    names = [f"{name} ({space.name})" for name in ("KID", "FID", "density", "coverage")]
    if min(map(len, (images, trained.rois, fresh.rois))) < MIN_LESIONS:
        yield from (_measure(name, np.nan, np.nan) for name in names)
        return
    real, synthetic, unseen = (space.extract(x) for x in (trained.rois, images, fresh.rois))
    yield _measure(names[0], kid(synthetic, real), kid(unseen, real))
    yield _measure(names[1], fid(synthetic, real), fid(unseen, real))
    values = density_coverage(real, synthetic, NEIGHBOURS)
    references = density_coverage(real, unseen, NEIGHBOURS)
    yield from map(_measure, names[2:], values, references)


def _told_apart(
    images: np.ndarray, trained: RealLesions, fresh: RealLesions, space: Features
) -> dict[str, Any]:
    """Return how well a linear classifier tells held-out lesions from the images: 0.5 by chance.

    It learns from training lesions and half of the images, and is asked about held-out lesions and
    the other half; a patient is on one side alone. Variants of lesions, since synthesizers learn
    from such.
    """
    name = f"told from real (linear, {space.name})"
    if min(map(len, (images, trained.rois, fresh.rois))) < MIN_LESIONS:
        return _measure(name, np.nan, np.nan)
    real = [space.extract(np.concatenate(list(part.images))) for part in (trained, fresh)]
    synthetic = [space.extract(images[start::2]) for start in (0, 1)]
    learnt, judged = zip(real, synthetic, strict=True)
    return _measure(name, told_apart(learnt, judged), 0.5)


def _memorisation(
    images: np.ndarray, trained: RealLesions, fresh: RealLesions, label: str, seed: int
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return the measures of memorisation, and the closest pairs as pictures."""
    names = ("closer to training", "suspected copies")
    if min(map(len, (images, trained.rois, fresh.rois))) < MIN_LESIONS:
        return [_measure(name, np.nan, np.nan) for name in names], {}
    samples = polar_descriptor(images)
    generator = seeds.generator(seed, "memorisation", label)
    found = memorisation(samples, trained.descriptors, fresh.descriptors, generator)
    order, nearest = nearest_pairs(samples, trained.descriptors, PAIRS)
    real = np.stack([trained.images[lesion, image] for lesion, image in nearest])
    pictures = {f"samples/{label}": images[order], f"training/{label}": real}
    suspects = _measure(names[1], found.suspects, found.null_reference, found.suspects_p)
    suspects |= {name: getattr(found, name) for name in ("distinct", "references", "recognised")}
    return [_measure(names[0], found.closer, 0.5, found.closer_p), suspects], pictures


def _train_on_synthetic(
    samples: Mapping[str, np.ndarray], training: RealLesions, held_out: RealLesions, space: Features
) -> dict[str, Any]:
    """Return how well a linear classifier of features does that has seen synthetic images only.

    Its macro sensitivity to held-out lesions, beside that of one trained on the training lesions.
    Source: Ravuri & Vinyals, arXiv 1905.10887.
    """
    images = np.concatenate(list(samples.values()))
    labels = np.repeat(list(samples), [len(drawn) for drawn in samples.values()])
    present = [label for label in samples if (held_out.labels == label).any()]

    def sensitivity(images: np.ndarray, labels: np.ndarray) -> float:
        if len(present) < 2:
            return np.nan
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        predicted = linear.fit(space.extract(images), labels).predict(space.extract(held_out.rois))
        return float(np.mean([np.mean(predicted[held_out.labels == c] == c) for c in present]))

    measure = f"train on synthetic, test on real (linear, {space.name})"
    counts = {"training": len(training.rois), "held_out": len(held_out.rois)}
    reference = sensitivity(training.rois, training.labels)
    row = _measure(measure, sensitivity(images, labels), reference)
    return {"class": "macro", **row, "synthetic": len(images), **counts}


def measure_unit(measure: str) -> str:
    """Return the unit of a measure: distances have that of their features."""
    return UNITS.get(measure.split(" ")[0], "fraction")


def adjust(table: pd.DataFrame) -> pd.DataFrame:
    """Return appraisals with p_adjusted and detectable, both for all tests on a synthesizer.

    p_adjusted is Holm's over all its trainings, classes and both measures of memorisation, so that
    an honest synthesizer is accused in any of them with at most the level's probability. detectable
    is the share of copies that one training shows at the strictest level of that.

    Source: Holm, Scand J Statist 6:65 (1979).
    """
    table = table.assign(p_adjusted=np.nan, detectable=np.nan).reset_index(drop=True)
    for _, tests in table[table["p"].notna()].groupby("synthesizer"):
        table.loc[tests.index, "p_adjusted"] = multipletests(tests["p"], method="holm")[1]
        for row in tests[tests["distinct"].notna()].itertuples():
            table.loc[row.Index, "detectable"] = detectable(
                row.distinct,
                row.references,
                row.training,
                row.recognised,
                SIGNIFICANCE_LEVEL / len(tests),
            )
    return table


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means of tables/fidelity.csv over replicates and folds, a row a measure.

    `significant` says in how many trainings p_adjusted is below 0.01 (NaN for measures without p),
    `trainings` how many could be appraised; `detectable` is the median, infinite if half of them
    could show no copies; synthetic, training and held_out are mean numbers.
    """
    rows = []
    keys = ["synthesizer", "class", "measure"]
    for key, group in table.groupby(keys, sort=False):
        known = group[group["value"].notna()]
        significant = (known["p_adjusted"] < SIGNIFICANCE_LEVEL).sum()
        found = (significant if known["p_adjusted"].notna().any() else np.nan, len(known))
        means = (known["value"].mean(), known["value"].std(ddof=1), known["reference"].mean())
        parts = (group[name].nunique() for name in ("replicate", "fold"))
        counts = (group[name].mean() for name in ("synthetic", "training", "held_out"))
        least = known["detectable"].median()
        rows.append((*key, *means, *found, least, measure_unit(key[-1]), *parts, *counts))
    return pd.DataFrame(rows, columns=MEAN_COLUMNS)
