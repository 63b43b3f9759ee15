"""Training sets: from an arm's recipe to arrays, with the training parts of one fold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augtrial.core import seeds
from augtrial.core.names import ONLINE, ORACLE

if TYPE_CHECKING:
    from augtrial.config.arms import Arm

Samples = Mapping[str, Mapping[str, np.ndarray]]  # source -> class -> uint8 [m, s, s]


@dataclass(frozen=True)
class Part:
    """The lesions that one fold holds out: their ROIs and variants.

    `rois` are uint8 [n, s, s]; `variants` n arrays uint8 [N, s, s], read from disk when they are
    used.
    """

    lesion_ids: tuple[str, ...]
    labels: tuple[str, ...]
    rois: np.ndarray
    variants: list[np.ndarray]

    def without(self, lesions: Collection[str]) -> "Part":
        """Return the part without these lesions."""
        kept = [index for index, lesion in enumerate(self.lesion_ids) if lesion not in lesions]
        return Part(
            tuple(self.lesion_ids[index] for index in kept),
            tuple(self.labels[index] for index in kept),
            self.rois[kept],
            [self.variants[index] for index in kept],
        )


@dataclass(frozen=True)
class TrainingSet:
    """Images uint8 [n, s, s], their class indices [n], and the lesions that they were made from.

    `sources` tells where each image comes from: `roi`, `classic`, `duplicate`, `oracle`, or the
    name of a synthesizer. ROIs that are replaced by a new variant in every batch have the source
    `online`, and come first. `image_lesions` names the lesion of each image; it is empty for
    synthetic and fresh ones.
    """

    images: np.ndarray
    labels: np.ndarray
    sources: tuple[str, ...]
    lesion_ids: tuple[str, ...]
    image_lesions: tuple[str, ...] = ()


class _Group(NamedTuple):
    """Images of one source, uint8 [n, s, s], their class indices [n] and their lesions [n]."""

    images: np.ndarray
    labels: np.ndarray
    source: str
    lesions: Sequence[str]


def read_part(rois: str | Path, variants: str | Path) -> Part:
    """Return a part from its files."""
    with np.load(rois) as arrays:
        ids, labels = arrays["lesion_id"].tolist(), arrays["label"].tolist()
        images = arrays["images"]
    return Part(tuple(ids), tuple(labels), images, list(np.load(variants, mmap_mode="r")))


def read_parts(rois: Sequence[str], variants: Sequence[str]) -> list[Part]:
    """Return the parts of these files, in the same order."""
    return [read_part(*paths) for paths in zip(rois, variants, strict=True)]


def leave_out(parts: Sequence[Part], lesions: Collection[str]) -> tuple[list[Part], float]:
    """Return parts without some lesions, and the smallest share of its own that one has left."""
    left = [part.without(lesions) for part in parts]
    shares = [len(a.labels) / len(b.labels) for a, b in zip(left, parts, strict=True) if b.labels]
    return left, min(shares)


def read_samples(
    paths: Sequence[str], synthesizers: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Return synthesizer -> class -> images uint8 [m, s, s] from the files of samples.

    The oracle has one file per part. Images of several files are interleaved, so that the first
    images come from all files in equal numbers.
    """
    arrays_of: dict[str, dict[str, list[np.ndarray]]] = {}
    for path, name in zip(paths, synthesizers, strict=True):
        with np.load(path) as arrays:
            for key in arrays.files:
                if key.startswith("images/"):
                    by_class = arrays_of.setdefault(name, {})
                    by_class.setdefault(key.removeprefix("images/"), []).append(arrays[key])
    return {
        name: {
            label: np.stack(images, axis=1).reshape(-1, *images[0].shape[1:])
            for label, images in by_class.items()
        }
        for name, by_class in arrays_of.items()
    }


def classic_counts(
    part: Part, size: int | str, *, seed: int, replicate: int, label: str | None = None
) -> np.ndarray:
    """Return how many variants of each lesion make `size` per fold, or "all" of them: [lesions].

    With a label, only lesions of this class give any. Seed and replicate decide which lesions give
    one variant more.
    """
    counts = np.zeros(len(part.labels), dtype=int)
    members = [index for index, known in enumerate(part.labels) if label in (None, known)]
    if size == "all" and members:
        counts[members] = len(part.variants[0])
    elif members:
        lesions = [part.lesion_ids[index] for index in members]
        keys = [seeds.derive(seed, replicate, "remainder", lesion) for lesion in lesions]
        counts[members] = spread(int(size), np.argsort(keys, kind="stable").tolist())
    return counts


def spread(size: int, order: list[int]) -> np.ndarray:
    """Return how many variants each lesion gives to a group of `size` variants: [lesions].

    The numbers are equal, and the remainder comes from the first lesions of `order`, the positions
    0..n-1 in random order. A smaller group is therefore a subset of every larger one.
    """
    counts = np.full(len(order), size // len(order))
    counts[order[: size % len(order)]] += 1
    return counts


def select_classic(part: Part, counts: np.ndarray, skipped: np.ndarray | None = None) -> np.ndarray:
    """Return the first variants of each lesion, after the skipped: uint8 [sum of counts, s, s]."""
    starts = np.zeros_like(counts) if skipped is None else skipped
    selected = [
        part.variants[index][start : start + count]
        for index, (start, count) in enumerate(zip(starts, counts, strict=True))
    ]
    return np.concatenate(selected) if selected else np.zeros((0, *part.rois.shape[1:]), np.uint8)


def synthetic_count(arm: "Arm", synthesizer: str, label: str) -> int:
    """Return how many synthetic images of one class an arm takes per fold."""
    wanted = arm.synthetic.get(synthesizer, 0)
    return wanted if isinstance(wanted, int) else wanted.get(label, 0)


def assemble(
    arm: "Arm",
    parts: Sequence[Part],
    classes: Sequence[str],
    *,
    seed: int,
    replicate: int,
    samples: Samples | None = None,
    transformed: Sequence[str | Path] = (),
) -> TrainingSet:
    """Return an arm's training set for one fold.

    Sizes are per part: with two training parts, 5000 means 10,000 variants. `parts` are the fold's
    training parts, and no others. The label of an image is the index of its class in `classes`.
    Synthetic images are the first of `samples`, drawn for this fold. `transformed` holds, for an
    arm with user-defined transforms, the files of its transformed variants, one per part.
    """
    options: dict[str, Any] = {"seed": seed, "replicate": replicate}
    groups: list[_Group] = []
    for number, part in enumerate(parts):
        path = transformed[number] if transformed else None
        groups += _part_groups(arm, part, classes, path, **options)
    groups += _sample_groups(arm, classes, len(parts), samples or {})
    if arm.duplicates:
        number = arm.duplicates * len(parts)
        groups += _duplicate_groups(groups, classes, number, **options)
    images, labels, lesions = _join(groups)
    sources = tuple(group.source for group in groups for _ in group.labels)
    lesion_ids = tuple(lesion for part in parts for lesion in part.lesion_ids)
    return TrainingSet(images, labels.astype(np.int64), sources, lesion_ids, tuple(lesions))


def _join(groups: Sequence[_Group]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the images, class indices and lesions of all groups, one after the other."""
    images = np.concatenate([group.images for group in groups])
    labels = np.concatenate([group.labels for group in groups])
    return images, labels, [lesion for group in groups for lesion in group.lesions]


def _part_groups(
    arm: "Arm", part: Part, classes: Sequence[str], transformed: str | Path | None, **options: Any
) -> Iterator[_Group]:
    """Yield the ROIs and the classic variants that an arm takes from one part."""
    labels = np.array([list(classes).index(label) for label in part.labels])
    used = np.zeros(len(part.labels), dtype=int)
    if arm.classic == ONLINE:
        yield _Group(part.rois, labels, ONLINE, part.lesion_ids)
    elif arm.originals:
        yield _Group(part.rois, labels, "roi", part.lesion_ids)
    if arm.classic and arm.classic != ONLINE:
        used = classic_counts(part, arm.classic, **options)
        images = np.load(transformed) if transformed else select_classic(part, used)
        lesions = np.repeat(part.lesion_ids, used).tolist()
        yield _Group(images, np.repeat(labels, used), "classic", lesions)
    if arm.extra_classic:
        size = arm.extra_classic
        by_class = [classic_counts(part, size, label=label, **options) for label in classes]
        extra = np.sum(by_class, axis=0)
        lesions = np.repeat(part.lesion_ids, extra).tolist()
        images = select_classic(part, extra, skipped=used)
        yield _Group(images, np.repeat(labels, extra), "classic", lesions)


def _sample_groups(
    arm: "Arm", classes: Sequence[str], parts: int, samples: Samples
) -> Iterator[_Group]:
    """Yield the synthetic images and the fresh lesions that an arm takes, class by class."""
    for source in [*arm.synthetic, *([ORACLE] if arm.oracle else [])]:
        for index, label in enumerate(classes):
            wanted = arm.oracle if source == ORACLE else synthetic_count(arm, source, label)
            count = wanted * parts
            images = samples[source][label][:count]
            assert len(images) == count, (source, label, len(images), count)
            yield _Group(images, np.full(count, index), source, [""] * count)


def _duplicate_groups(
    groups: Sequence[_Group], classes: Sequence[str], number: int, *, seed: int, replicate: int
) -> list[_Group]:
    """Return `number` images of each class, drawn with replacement from the images so far."""
    images, labels, lesions = _join(groups)
    duplicates = []
    for index, label in enumerate(classes):
        generator = seeds.generator(seed, "copies", replicate, label)
        drawn = generator.choice(np.flatnonzero(labels == index), number)
        behind = [lesions[image] for image in drawn]
        duplicates.append(_Group(images[drawn], labels[drawn], "duplicate", behind))
    return duplicates
