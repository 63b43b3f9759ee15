"""Training sets: an arm's recipe to arrays, from the training parts of one fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial import seeds

if TYPE_CHECKING:
    from augtrial.settings import Arm

ONLINE = "online"
ORACLE = "oracle"  # fresh lesions stand among an arm's samples under this name


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

    `sources` says of each image where it is from: `roi`, `classic`, `copy`, a synthesizer's name,
    `oracle`; or `online` of the ROIs, which come first, that are drawn anew at every draw.
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
    """Return synthesizer -> class -> images uint8 [m, s, s] from the files of samples.

    Of several files of one name (the oracle's, one a part) the images are taken in turn, so that
    any head of them comes from all files alike.
    """
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for path, name in zip(paths, synthesizers, strict=True):
        with np.load(path) as arrays:
            for key in arrays.files:
                if key.startswith("images/"):
                    own = found.setdefault(name, {})
                    own.setdefault(key.removeprefix("images/"), []).append(arrays[key])
    return {
        name: {label: _in_turn(arrays) for label, arrays in own.items()}
        for name, own in found.items()
    }


def _in_turn(arrays: list[np.ndarray]) -> np.ndarray:
    if len(arrays) == 1:
        return arrays[0]
    return np.stack(arrays, axis=1).reshape(-1, *arrays[0].shape[1:])


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


def select_classic(part: Part, counts: np.ndarray, skipped: np.ndarray | int = 0) -> np.ndarray:
    """Return the heads of the lesions' variants as uint8 [sum of counts, s, s].

    `skipped` are those at each lesion's head that are left out, since others took them.
    """
    begins = np.broadcast_to(skipped, counts.shape)
    heads = [
        part.variants[index, begin : begin + count]
        for index, (begin, count) in enumerate(zip(begins, counts, strict=True))
    ]
    return np.concatenate(heads) if heads else np.zeros((0, *part.rois.shape[1:]), np.uint8)


def extra_counts(part: Part, label: str, size: int, *, seed: int, replicate: int) -> np.ndarray:
    """Return how many further variants each lesion of a part gives: `size` of one class."""
    own = [index for index, other in enumerate(part.labels) if other == label]
    keys = [seeds.derive(seed, replicate, "remainder", part.lesion_ids[index]) for index in own]
    counts = np.zeros(len(part.labels), dtype=int)
    if own:
        counts[own] = spread(size, np.argsort(keys, kind="stable").tolist())
    return counts


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


def synthetic_count(arm: "Arm", synthesizer: str, label: str) -> int:
    """Return how many synthetic images of one class per fold an arm takes."""
    wanted = arm.synthetic.get(synthesizer, 0)
    return wanted if isinstance(wanted, int) else wanted.get(label, 0)


def assemble(
    arm: "Arm",
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
        counts = np.zeros(len(part.labels), dtype=int)
        if arm.classic == ONLINE:
            add(part.rois, indices, ONLINE)
        elif arm.originals:
            add(part.rois, indices, "roi")
        if arm.classic and arm.classic != ONLINE:
            counts = classic_counts(part, arm.classic, seed=seed, replicate=replicate)
            pixels = np.load(transformed[number]) if transformed else select_classic(part, counts)
            add(pixels, np.repeat(indices, counts), "classic")
        if arm.extra_classic:
            extra = np.sum(
                [
                    extra_counts(part, label, arm.extra_classic, seed=seed, replicate=replicate)
                    for label in classes
                ],
                axis=0,
            )
            add(select_classic(part, extra, counts), np.repeat(indices, extra), "classic")
    for source in [*arm.synthetic, *([ORACLE] if arm.oracle else [])]:
        for label, index in place.items():
            wanted = arm.oracle if source == ORACLE else synthetic_count(arm, source, label)
            count = wanted * len(parts)
            pixels = (samples or {})[source][label][:count]
            assert len(pixels) == count, (source, label, len(pixels), count)
            add(pixels, np.full(count, index), source)
    if arm.copies:
        have, of = np.concatenate(images), np.concatenate(labels)
        for label, index in place.items():
            draw = seeds.generator(seed, "copies", replicate, label)
            again = draw.choice(np.flatnonzero(of == index), arm.copies * len(parts))
            add(have[again], of[again], "copy")
    return TrainingSet(
        np.concatenate(images),
        np.concatenate(labels).astype(np.int64),
        tuple(sources),
        tuple(lesion for part in parts for lesion in part.lesion_ids),
    )
