"""Training sets: an arm's recipe to arrays, from the training parts of one fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augtrial import seeds
from augtrial.settings import Arm


@dataclass(frozen=True)
class Part:
    """The lesions that one fold holds out: their ROIs and variants.

    `rois` are uint8 [n, s, s]; `variants` uint8 [n, N, s, s], on disk until they are asked for.
    """

    lesion_ids: tuple[str, ...]
    labels: tuple[str, ...]
    rois: np.ndarray
    variants: np.ndarray


@dataclass(frozen=True)
class TrainingSet:
    """Images uint8 [n, s, s], their class indices [n], and the lesions behind them.

    `sources` says of each image where it is from: `roi`, `classic` or a synthesizer's name.
    """

    images: np.ndarray
    labels: np.ndarray
    sources: tuple[str, ...]
    lesion_ids: tuple[str, ...]


def read_part(rois: str | Path, variants: str | Path) -> Part:
    """Return a part from its files."""
    with np.load(rois) as arrays:
        ids, labels = arrays["lesion_id"].tolist(), arrays["label"].tolist()
        images = arrays["images"]
    return Part(tuple(ids), tuple(labels), images, np.load(variants, mmap_mode="r"))


def read_parts(rois: Sequence[str], variants: Sequence[str]) -> list[Part]:
    """Return the parts of these files, in their order."""
    return [read_part(*paths) for paths in zip(rois, variants, strict=True)]


def read_samples(
    paths: Sequence[str], synthesizers: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Return synthesizer -> class -> images uint8 [m, s, s] from the files of samples."""
    samples: dict[str, dict[str, np.ndarray]] = {}
    for path, name in zip(paths, synthesizers, strict=True):
        with np.load(path) as arrays:
            samples[name] = {
                key.removeprefix("images/"): arrays[key]
                for key in arrays.files
                if key.startswith("images/")
            }
    return samples


def classic_counts(part: Part, size: int | str, *, seed: int, replicate: int) -> np.ndarray:
    """Return how many variants each lesion of a part gives to an arm of this size.

    Args:
        part: the lesions.
        size: variants per fold, or "all".
        seed: the study's seed; with the replicate it orders who gives the remainder.
        replicate: which replicate.
    """
    available = part.variants.shape[1]
    if size == "all":
        return np.full(len(part.lesion_ids), available)
    keys = [seeds.derive(seed, replicate, "remainder", lesion) for lesion in part.lesion_ids]
    return spread(int(size), np.argsort(keys, kind="stable").tolist())


def select_classic(part: Part, counts: np.ndarray) -> np.ndarray:
    """Return the heads of the lesions' variants as uint8 [sum of counts, s, s]."""
    heads = [part.variants[index, :count] for index, count in enumerate(counts)]
    return np.concatenate(heads) if heads else np.zeros((0, *part.rois.shape[1:]), np.uint8)


def spread(size: int, order: list[int]) -> np.ndarray:
    """Return how many variants each lesion of a part gives to a group of `size`.

    Evenly, and the remainder to the first lesions of a seeded order; so that a smaller group is
    a subset of every larger one.

    Args:
        size: variants in the group.
        order: the lesions' positions 0..n-1 in their seeded order.
    """
    counts = np.full(len(order), size // len(order))
    counts[order[: size % len(order)]] += 1
    return counts


def assemble(
    arm: Arm,
    parts: Sequence[Part],
    classes: Sequence[str],
    *,
    seed: int,
    replicate: int,
    samples: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    transformed: Sequence[str | Path] = (),
) -> TrainingSet:
    """Return an arm's training set for one fold.

    Sizes count per part, so that two parts at "5000" give 10,000 variants; synthetic images
    are the heads of the fold's samples.

    Args:
        arm: the recipe.
        parts: the training parts of the fold, and no other.
        classes: all classes; an image's label is its place here.
        seed: the study's seed.
        replicate: which replicate.
        samples: synthesizer -> class -> uint8 [m, s, s], drawn for this fold.
        transformed: files of the arm's classic variants part by part, after its further
            transforms, where it has any.
    """
    place = {label: index for index, label in enumerate(classes)}
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    sources: list[str] = []

    def add(pixels: np.ndarray, indices: np.ndarray, source: str) -> None:
        images.append(pixels)
        labels.append(indices)
        sources.extend([source] * len(pixels))

    for number, part in enumerate(parts):
        indices = np.array([place[label] for label in part.labels])
        if arm.originals:
            add(part.rois, indices, "roi")
        if arm.classic:
            counts = classic_counts(part, arm.classic, seed=seed, replicate=replicate)
            pixels = np.load(transformed[number]) if transformed else select_classic(part, counts)
            add(pixels, np.repeat(indices, counts), "classic")
    for synthesizer in arm.synthetic:
        for label, index in place.items():
            count = arm.synthetic_count(synthesizer, label) * len(parts)
            drawn = (samples or {})[synthesizer][label][:count]
            assert len(drawn) == count, (synthesizer, label, len(drawn), count)
            add(drawn, np.full(count, index), synthesizer)
    return TrainingSet(
        np.concatenate(images),
        np.concatenate(labels).astype(np.int64),
        tuple(sources),
        tuple(lesion for part in parts for lesion in part.lesion_ids),
    )
