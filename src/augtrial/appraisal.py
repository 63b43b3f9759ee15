"""The appraisal of one fold's synthetic images: fidelity, diversity, consistency, memorisation.

Everything stands beside what real lesions of other patients reach: the held-out lesions of the
fold. Nothing is trained or chosen by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from augtrial import seeds
from augtrial.fidelity import density_coverage, fid, kid
from augtrial.memorisation import Memorisation, memorisation, nearest_pairs, polar_descriptor

LEAST = 10  # lesions of a class and side, below which nothing is estimated
NEIGHBOURS = 5  # k of density and coverage
COPIES = 8  # variants of each lesion among which copies are looked for, at most
PAIRS = 8  # closest pairs that are kept as pictures

BEYOND = 0.01  # p below which a training counts as one that copied
SUMMARY = [
    *("synthesizer", "class", "measure", "value", "sd", "reference", "beyond", "trainings"),
    *("unit", "replicates", "folds", "synthetic", "training", "held_out"),
]
UNITS = {"KID": "kernel units", "FID": "squared feature units", "density": "ratio"}
COLUMNS = ["class", "measure", "value", "reference", "p", "synthetic", "training", "held_out"]


class Features(Protocol):
    """Anything that turns images into features, and has a name."""

    name: str

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return features [n, d] of uint8 images [n, s, s]."""
        ...


@dataclass(frozen=True)
class Side:
    """Real lesions on one side of a fold.

    `images` are uint8 [n, m, s, s], each lesion's ROI and then some of its variants; `described`
    float32 [n, m, d] are their descriptors, which every fold and synthesizer asks for.
    """

    images: np.ndarray
    described: np.ndarray
    labels: np.ndarray

    @classmethod
    def of_part(cls, rois: np.ndarray, variants: np.ndarray, labels: Sequence[str]) -> "Side":
        """Return a part's lesions: ROIs uint8 [n, s, s], variants [n, N, s, s], classes."""
        images = np.concatenate([rois[:, None], variants[:, :COPIES]], axis=1)
        described = np.stack([polar_descriptor(own) for own in images])
        return cls(images, described, np.array(labels))

    @classmethod
    def joined(cls, sides: Sequence["Side"]) -> "Side":
        """Return the lesions of several parts as one side."""
        names = ("images", "described", "labels")
        return cls(*(np.concatenate([getattr(side, name) for side in sides]) for name in names))

    def of(self, label: str) -> "Side":
        """Return the lesions of one class."""
        own = np.flatnonzero(self.labels == label)
        return Side(self.images[own], self.described[own], self.labels[own])

    @property
    def rois(self) -> np.ndarray:
        """The lesions' ROIs, uint8 [n, s, s]."""
        return self.images[:, 0]


def appraise(
    samples: Mapping[str, np.ndarray],
    training: Side,
    held_out: Side,
    features: Sequence[Features],
    called: Mapping[str, np.ndarray],
    *,
    seed: int,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return rows of measures, class by class, and the pictures of the closest pairs.

    Measures of distributions (KID, FID, density, coverage) hold as many synthetic images as there
    are held-out lesions against the training lesions' ROIs; their reference is the held-out
    lesions in their place. The measures of memorisation are those of `memorisation`; the
    references are what honesty looks like. "Class consistency" is the share of synthetic images
    that the classifier calls what they should be (train on real, test on synthetic), beside that of
    held-out lesions. Too few lesions give NaN.

    Args:
        samples: class -> synthetic images uint8 [m, s, s].
        training: the lesions behind the synthesizer.
        held_out: the fold's other lesions.
        features: the spaces in which images are compared.
        called: "samples/<class>" and "held out" -> the classes that the classifier calls.
        seed: draws the groups of the permutation test.
    """
    rows: list[dict[str, Any]] = []
    pictures: dict[str, np.ndarray] = {}
    for label, images in samples.items():
        inside, outside = training.of(label), held_out.of(label)
        counts = {"training": len(inside.rois), "held_out": len(outside.rois)}
        enough = min(counts.values()) >= LEAST and len(images) >= LEAST
        for space in features:
            for measure, value, reference in _distances(
                images[: counts["held_out"]], inside, outside, space, enough=enough
            ):
                row = {"measure": measure, "value": value, "reference": reference, "p": np.nan}
                number = min(len(images), counts["held_out"])
                rows.append({"class": label, **row, "synthetic": number, **counts})
        right = np.mean(called[f"samples/{label}"] == label)
        known = called["held out"][held_out.labels == label]
        reference = np.mean(known == label) if len(known) else np.nan
        row = {"measure": "class consistency", "value": right, "reference": reference, "p": np.nan}
        rows.append({"class": label, **row, "synthetic": len(images), **counts})
        found, pairs = _copies(images, inside, outside, label, seed=seed, enough=enough)
        rows += [{"class": label, **row, "synthetic": len(images), **counts} for row in found]
        pictures |= pairs
    rows += _trained_on_synthetic(samples, training, held_out, features[0])
    return rows, pictures


def _trained_on_synthetic(
    samples: Mapping[str, np.ndarray], training: Side, held_out: Side, space: Features
) -> list[dict[str, Any]]:
    """Return how well a linear classifier of features does that has seen synthetic images only.

    Its macro sensitivity to held-out lesions, beside that of one trained on the training lesions.
    Source: Ravuri & Vinyals, arXiv 1905.10887.
    """
    present = [label for label in samples if (held_out.labels == label).any()]
    images = np.concatenate(list(samples.values()))
    wanted = np.repeat(list(samples), [len(own) for own in samples.values()])
    counts = {"training": len(training.rois), "held_out": len(held_out.rois)}
    values = [np.nan, np.nan]
    if len(present) > 1 and len(samples) > 1:
        fresh = space.of(held_out.rois)
        for place, (shown, truth) in enumerate(
            ((images, wanted), (training.rois, training.labels))
        ):
            linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            said = linear.fit(space.of(shown), truth).predict(fresh)
            rates = [np.mean(said[held_out.labels == label] == label) for label in present]
            values[place] = float(np.mean(rates))
    measure = f"train on synthetic, test on real (linear, {space.name})"
    row = {"class": "macro", "measure": measure, "value": values[0], "reference": values[1]}
    return [{**row, "p": np.nan, "synthetic": len(images), **counts}]


def _distances(
    images: np.ndarray, inside: Side, outside: Side, space: Features, *, enough: bool
) -> Iterator[tuple[str, float, float]]:
    """Yield measure, value, and the value of held-out lesions in the place of the images."""
    names = [f"{name} ({space.name})" for name in ("KID", "FID", "density", "coverage")]
    if not enough:
        yield from ((name, np.nan, np.nan) for name in names)
        return
    real, synthetic, fresh = (space.of(x) for x in (inside.rois, images, outside.rois))
    yield names[0], kid(synthetic, real), kid(fresh, real)
    yield names[1], fid(synthetic, real), fid(fresh, real)
    found = density_coverage(real, synthetic, NEIGHBOURS)
    honest = density_coverage(real, fresh, NEIGHBOURS)
    yield from zip(names[2:], found, honest, strict=True)


def _copies(
    images: np.ndarray, inside: Side, outside: Side, label: str, *, seed: int, enough: bool
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Return the rows of memorisation, and the closest pairs as pictures."""
    if not enough:
        empty = {"value": np.nan, "reference": np.nan, "p": np.nan}
        names = ("closer to training", "suspected copies")
        return [{"measure": name, **empty} for name in names], {}
    samples = polar_descriptor(images)
    found: Memorisation = memorisation(
        samples,
        inside.described,
        outside.described,
        seeds.generator(seed, "memorisation", label),
    )
    order, place = nearest_pairs(samples, inside.described, PAIRS)
    pictures = {
        f"samples/{label}": images[order],
        f"training/{label}": np.stack([inside.images[i, j] for i, j in place]),
    }
    rows = [
        {
            "measure": "closer to training",
            **{"value": found.closer, "reference": 0.5, "p": found.closer_p},
        },
        {
            "measure": "suspected copies",
            **{"value": found.suspects, "reference": found.honest, "p": found.suspects_p},
        },
    ]
    return rows, pictures


def unit_of(measure: str) -> str:
    """Return the unit of a measure: distances have that of their features."""
    return UNITS.get(measure.split(" ")[0], "fraction")


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means of tables/fidelity.csv over replicates and folds, a row a measure.

    Columns: synthesizer, class, measure, value, sd, reference, beyond (in how many trainings p is
    below 0.01; NaN for measures without p), trainings (that could be appraised), unit, replicates,
    folds, synthetic, training, held_out (mean numbers of images and lesions).
    """
    rows = []
    keys = ["synthesizer", "class", "measure"]
    for key, own in table.groupby(keys, sort=False):
        known = own[own["value"].notna()]
        beyond = (known["p"] < BEYOND).sum() if known["p"].notna().any() else np.nan
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "value": known["value"].mean(),
                "sd": known["value"].std(ddof=1) if len(known) > 1 else np.nan,
                "reference": known["reference"].mean(),
                "beyond": beyond,
                "trainings": len(known),
                "unit": unit_of(key[-1]),
                "replicates": own["replicate"].nunique(),
                "folds": own["fold"].nunique(),
                **{name: own[name].mean() for name in ("synthetic", "training", "held_out")},
            }
        )
    return pd.DataFrame(rows, columns=SUMMARY)
