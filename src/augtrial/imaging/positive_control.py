"""The oracle: images of real lesions of new patients, the positive control of a trial.

If a training set does not gain from them, it could not have shown a gain from any synthesizer.
"""

import math
from collections.abc import Iterable

import numpy as np

from augtrial.cohort.readers import LesionSlice
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants
from augtrial.imaging.context import Context
from augtrial.imaging.roi import extract_context, extract_roi


def oracle_images(
    lesions: Iterable[tuple[str, str, LesionSlice]],
    number: int,
    roi: RoiSettings,
    classic: ClassicSettings,
    *,
    seed: int,
    replicate: int,
) -> dict[str, np.ndarray]:
    """Return class -> uint8 [number, s, s]: the ROI of every lesion, then their classic variants.

    The order is: all ROIs, the first variant of every lesion, the second variant of every lesion,
    and so on. `lesions` are (id, class, slice) in the order of use; if a class has more than
    `number`, only its first ones are used.
    """
    by_class: dict[str, list[tuple[str, Context]]] = {}
    for lesion_id, label, lesion_slice in lesions:
        used = by_class.setdefault(label, [])
        if len(used) < number:
            used.append((lesion_id, extract_context(lesion_slice, roi, classic)))
    images = {}
    for label, used in by_class.items():
        count = math.ceil(number / len(used)) - 1
        by_lesion = []
        for lesion_id, context in used:
            generator = seeds.generator(seed, "oracle variants", replicate, lesion_id)
            variants = sample_variants(context.diameter, classic, generator)[:count]
            roi_image = extract_roi(context, roi.size)
            by_lesion.append([roi_image, *apply_variants(context, variants, roi.size)])
        in_turn = [image for images_now in zip(*by_lesion, strict=True) for image in images_now]
        images[label] = np.stack(in_turn[:number])
    return images
