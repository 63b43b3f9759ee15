"""The job that applies an arm's user-defined transforms to its classic variants."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from augtrial.core import seeds
from augtrial.core.io import atomic_write
from augtrial.core.replicate import Replicate
from augtrial.imaging.training_set import classic_counts, read_part
from augtrial.imaging.transforms import apply_transforms, build_transforms


def transform_variants(
    *,
    rois: str | Path,
    variants: str | Path,
    transforms: Sequence[Any],
    size: int | str,
    seed: int,
    replicate: str | int,
    arm: str,
    transformed: str | Path,
) -> None:
    """Write the variants that an arm takes from a part, after its transforms: uint8 [size, s, s].

    `transforms` are names of albumentations transforms, or {name: arguments}; `size` is a number of
    variants, or "all". Seed, replicate, arm and lesion id decide a lesion's transforms.
    """
    part, number = read_part(rois, variants), Replicate.parse(replicate).number
    pipeline = build_transforms(list(transforms))
    counts = classic_counts(part, size, seed=seed, replicate=number)
    images = [
        apply_transforms(
            pipeline,
            part.variants[index][: counts[index]],
            seeds.derive(seed, "transforms", number, arm, lesion),
        )
        for index, lesion in enumerate(part.lesion_ids)
        if counts[index]
    ]
    with atomic_write(transformed) as draft:
        np.save(draft, np.concatenate(images))
