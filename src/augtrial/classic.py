"""Classic augmentation: N = N_rot x (1 + N_flip + N_trans + N_scale) variants of a lesion.

Each rotated ROI is separately flipped, translated and scaled, never chained (Frid-Adar et al.
2018, section 2.2), and each variant is one resampling of the full slice by one composed map.
Parameters are sampled here and written to a table; applying them is a pure function.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from augtrial.resampler import Square, cut_all, outside_pixels
from augtrial.roi import Context, largest_shift, to_bytes

if TYPE_CHECKING:
    from augtrial.settings import ClassicSettings

FLIPS = ((False, True), (True, False), (True, True))  # up-down, left-right, both


@dataclass(frozen=True)
class Variant:
    """The parameters of one variant: degrees, native pixels; `margin` is added on each side."""

    kind: str
    angle: float
    flip_x: bool = False
    flip_y: bool = False
    translate_x: float = 0.0
    translate_y: float = 0.0
    margin: float = 0.0

    def square(self, base: Square) -> Square:
        """Return the variant's square about a lesion's base square."""
        return Square(
            x=base.x,
            y=base.y,
            side=base.side + 2 * self.margin,
            angle=self.angle,
            flip_x=self.flip_x,
            flip_y=self.flip_y,
            translate_x=self.translate_x,
            translate_y=self.translate_y,
        )


def sample_variants(
    diameter: float, settings: "ClassicSettings", generator: np.random.Generator
) -> list[Variant]:
    """Return a lesion's N variants, in the one random order of which every subset is a head.

    Args:
        diameter: the lesion's diameter in native pixels.
        settings: how many of which kind, and their ranges.
        generator: the lesion's own.
    """
    variants: list[Variant] = []
    shift = largest_shift(diameter, settings)
    low, high = (share * diameter for share in settings.scale_range)
    for angle in generator.uniform(0, 180, settings.rotations):
        rotated = Variant("rotation", float(angle))
        variants.append(rotated)
        for flip_x, flip_y in FLIPS[: settings.flips]:
            variants.append(replace(rotated, kind="flip", flip_x=flip_x, flip_y=flip_y))
        for x, y in generator.uniform(-shift, shift, (settings.translations, 2)):
            variants.append(
                replace(rotated, kind="translation", translate_x=float(x), translate_y=float(y))
            )
        for margin in generator.uniform(low, high, settings.scales):
            variants.append(replace(rotated, kind="scale", margin=float(margin)))
    return [variants[index] for index in generator.permutation(len(variants))]


def sample_variant(
    diameter: float, settings: "ClassicSettings", generator: np.random.Generator
) -> Variant:
    """Return one variant alone, of the kinds in the proportion in which N counts them."""
    angle = float(generator.uniform(0, 180))
    kinds = ["rotation", "flip", "translation", "scale"]
    shares = np.cumsum([1, settings.flips, settings.translations, settings.scales])
    # As generator.choice does it, in a sixteenth of its time.
    kind = kinds[np.searchsorted(shares / shares[-1], generator.random(), side="right")]
    rotated = Variant(kind, angle)
    if kind == "flip":
        flip_x, flip_y = FLIPS[generator.integers(settings.flips)]
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
    squares = [variant.square(context.square) for variant in variants]
    return to_bytes(cut_all(context.pixels, squares, size))


def apply_variant(context: Context, variant: Variant, size: int) -> np.ndarray:
    """Return one variant as uint8 [size, size]."""
    return apply_variants(context, [variant], size)[0]


def variant_rows(
    context: Context, variants: list[Variant], size: int
) -> Iterator[dict[str, object]]:
    """Yield a row of the variants' table for each: its place, parameters and filled pixels."""
    base = context.in_slice(context.square)
    squares = [variant.square(base) for variant in variants]
    outside = outside_pixels(squares, size, context.slice_shape) if squares else []
    for index, (variant, pixels) in enumerate(zip(variants, outside, strict=True)):
        yield {"variant": index, **vars(variant), "outside_pixels": int(pixels)}
