"""The oracle: fresh real lesions of new patients, the positive control of a trial.

If a training set gains nothing from them, no synthesizer could have been seen to help.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from augtrial import seeds
from augtrial.classic import apply_variant, sample_variants
from augtrial.roi import extract_context, extract_roi
from augtrial.settings import ClassicSettings, RoiSettings

if TYPE_CHECKING:
    from augtrial.cohort.readers import LesionSlice


def oracle_images(
    lesions: Iterable[tuple[str, str, "LesionSlice"]],
    number: int,
    roi: RoiSettings,
    classic: ClassicSettings,
    *,
    seed: int,
    replicate: int,
) -> dict[str, np.ndarray]:
    """Return class -> uint8 [number, s, s]: the lesions' ROIs first, then classic variants.

    Every lesion gives its ROI before any gives a variant, and its first variant before any
    gives a second; a class with more lesions than `number` gives the first of them.

    Args:
        lesions: (id, class, slice) of each, in the order in which they are used.
        number: images of each class.
        roi: where the square lies.
        classic: how variants are drawn.
        seed: the study's seed.
        replicate: which replicate draws the variants.
    """
    contexts: dict[str, list] = {}
    for lesion_id, label, found in lesions:
        own = contexts.setdefault(label, [])
        if len(own) < number:
            own.append((lesion_id, extract_context(found, roi, classic)))
    images = {}
    for label, own in contexts.items():
        rounds = [[extract_roi(context, roi.size) for _, context in own]]
        variants = [
            sample_variants(
                context.diameter,
                classic,
                seeds.generator(seed, "oracle variants", replicate, lesion_id),
            )
            for lesion_id, context in own
        ]
        for turn in range(-(-number // len(own)) - 1):
            rounds.append(
                [
                    apply_variant(context, mine[turn], roi.size)
                    for (_, context), mine in zip(own, variants, strict=True)
                ]
            )
        images[label] = np.concatenate([np.stack(each) for each in rounds])[:number]
    return images
