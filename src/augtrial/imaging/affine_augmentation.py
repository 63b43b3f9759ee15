"""Classic augmentation: N = N_rot x (1 + N_flip + N_trans + N_scale) variants of a lesion.

Each rotated ROI is flipped, translated or scaled, never more than one of them (Frid-Adar et al.
2018, section 2.2). Each variant is resampled once from the full slice, by one affine map. Sampling
the parameters is separate from applying them, so that a variant can be repeated from its table row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from augtrial.config.cohort import ClassicSettings
from augtrial.imaging.context import Context, largest_shift, to_bytes
from augtrial.imaging.resampler import CropFrame, outside_pixels, resample_all

FLIPS = ((False, True), (True, False), (True, True))  # up-down, left-right, both


@dataclass(frozen=True)
class Variant:
    """The parameters of a variant, in degrees and native pixels; a margin is added on each side."""

    kind: str
    angle: float
    flip_x: bool = False
    flip_y: bool = False
    translate_x: float = 0.0
    translate_y: float = 0.0
    margin: float = 0.0

    def frame(self, base: CropFrame) -> CropFrame:
        """Return the variant's frame, from the base frame of its lesion."""
        turn = self.angle, self.flip_x, self.flip_y, self.translate_x, self.translate_y
        return CropFrame(base.x, base.y, base.side + 2 * self.margin, *turn)


def sample_variants(
    diameter: float, settings: ClassicSettings, generator: np.random.Generator
) -> list[Variant]:
    """Return the N variants of a lesion in a random order; a smaller set is the start of this list.

    `diameter` is in native pixels; `generator` is for this lesion alone.
    """
    variants: list[Variant] = []
    shift = largest_shift(diameter, settings)
    low, high = (share * diameter for share in settings.scale_range)
    for angle in generator.uniform(0, 180, settings.n_rotations):
        rotated = Variant("rotation", float(angle))
        variants.append(rotated)
        for flip_x, flip_y in FLIPS[: settings.n_flips]:
            variants.append(replace(rotated, kind="flip", flip_x=flip_x, flip_y=flip_y))
        for x, y in generator.uniform(-shift, shift, (settings.n_translations, 2)).tolist():
            variants.append(replace(rotated, kind="translation", translate_x=x, translate_y=y))
        for margin in generator.uniform(low, high, settings.n_scales):
            variants.append(replace(rotated, kind="scale", margin=float(margin)))
    return [variants[index] for index in generator.permutation(len(variants))]


def sample_variant(
    diameter: float, settings: ClassicSettings, generator: np.random.Generator
) -> Variant:
    """Return one variant; its kind is drawn in the proportions of `sample_variants`."""
    angle = float(generator.uniform(0, 180))
    kinds = ["rotation", "flip", "translation", "scale"]
    cumulative = np.cumsum([1, settings.n_flips, settings.n_translations, settings.n_scales])
    # The method of generator.choice, in a sixteenth of its time.
    kind = kinds[np.searchsorted(cumulative / cumulative[-1], generator.random(), side="right")]
    rotated = Variant(kind, angle)
    if kind == "flip":
        flip_x, flip_y = FLIPS[generator.integers(settings.n_flips)]
        return replace(rotated, flip_x=flip_x, flip_y=flip_y)
    if kind == "translation":
        shift = largest_shift(diameter, settings)
        x, y = generator.uniform(-shift, shift, 2).tolist()
        return replace(rotated, translate_x=x, translate_y=y)
    if kind == "scale":
        low, high = (share * diameter for share in settings.scale_range)
        return replace(rotated, margin=float(generator.uniform(low, high)))
    return rotated


def apply_variants(context: Context, variants: Sequence[Variant], size: int) -> np.ndarray:
    """Return variants of one lesion as uint8 [n, size, size]."""
    frames = [variant.frame(context.frame) for variant in variants]
    return to_bytes(resample_all(context.pixels, frames, size))


def apply_variant(context: Context, variant: Variant, size: int) -> np.ndarray:
    """Return one variant as uint8 [size, size]."""
    return apply_variants(context, [variant], size)[0]


def variant_rows(
    context: Context, variants: list[Variant], size: int
) -> Iterator[dict[str, object]]:
    """Yield one row of variants.csv per variant: number, parameters, pixels outside the slice."""
    base = context.in_slice(context.frame)
    frames = [variant.frame(base) for variant in variants]
    outside = outside_pixels(frames, size, context.slice_shape).tolist() if frames else []
    for index, (variant, pixels) in enumerate(zip(variants, outside, strict=True)):
        yield {"variant": index, **vars(variant), "outside_pixels": pixels}
