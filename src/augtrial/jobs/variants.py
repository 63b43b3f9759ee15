"""The job that makes the classic variants of a part's lesions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augtrial.config.cohort import ClassicSettings
from augtrial.core import seeds
from augtrial.core.io import atomic_write
from augtrial.core.replicate import Replicate
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants, variant_rows
from augtrial.imaging.context import read_contexts


def make_variants(
    *,
    rois: str | Path,
    contexts: str | Path,
    classic: Mapping[str, Any],
    size: int,
    seed: int,
    replicate: str | int,
    variants: str | Path,
    table: str | Path,
) -> None:
    """Write all N variants of each lesion, uint8 [n, N, size, size], and their parameters.

    Seed, replicate and lesion id decide a lesion's variants; the table has a row for each variant.
    """
    settings, number = ClassicSettings(**classic), Replicate.parse(replicate).number
    with np.load(rois) as arrays:
        ids = arrays["lesion_id"].tolist()
    shape = (len(ids), settings.number, size, size)
    with (
        atomic_write(variants) as images_draft,
        atomic_write(table) as table_draft,
        table_draft.open("w", encoding="utf-8", newline="") as file,
    ):
        images = np.lib.format.open_memmap(images_draft, mode="w+", dtype=np.uint8, shape=shape)
        for index, (lesion, context) in enumerate(zip(ids, read_contexts(contexts), strict=True)):
            generator = seeds.generator(seed, "variants", number, lesion)
            sampled = sample_variants(context.diameter, settings, generator)
            images[index] = apply_variants(context, sampled, size)
            # Written lesion by lesion: the rows of all would take more memory than the images.
            rows = pd.DataFrame(variant_rows(context, sampled, size))
            rows.insert(0, "lesion_id", lesion)
            rows.to_csv(file, index=False, header=index == 0)
        images.flush()
