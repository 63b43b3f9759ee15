"""Statistics of each lesion for the checks of a cohort; the pixels are not kept."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from augtrial.cohort.lesion import PICTURES, Lesion
from augtrial.cohort.readers import LesionSlice, measure_diameter, read_lesion


@dataclass(frozen=True)
class LesionStats:
    """What the checks need to know of one lesion."""

    lesion: Lesion
    diameter: float  # pixels
    spacing: float  # mm; NaN if unknown
    file_spacing: float  # mm, from the image file
    median: float  # of the pixel values inside the lesion
    eight_bits: bool  # whether the slice holds only whole numbers from 0 to 255
    clipped: float  # fraction of the lesion's pixels outside the window
    constant: bool  # whether the window maps all pixels of the lesion to one value
    values: int  # number of different values other than 0 in the mask's slice
    pieces: bool  # whether the mask consists of several pieces
    picture: str  # digest of the slice
    region: str  # digest of the mask or box


def measure_lesion(lesion: Lesion, window: tuple[float, float] | None) -> LesionStats:
    """Read a lesion and return its statistics; raises UserError as `readers.lesion_slice` does."""
    lesion_slice, labels = read_lesion(lesion)
    mask = _region(lesion_slice)
    inside = lesion_slice.pixels[mask]
    low, high = window or (-np.inf, np.inf)
    file_spacing = lesion_slice.spacing_mm
    if lesion.spacing_mm is not None and not lesion.image.name.lower().endswith(PICTURES):
        file_spacing = read_lesion(replace(lesion, spacing_mm=None))[0].spacing_mm
    rounded = np.clip(np.round(lesion_slice.pixels), 0, 255)
    return LesionStats(
        lesion=lesion,
        diameter=measure_diameter(lesion_slice),
        spacing=lesion_slice.spacing_mm,
        file_spacing=file_spacing,
        median=float(np.median(inside)),
        eight_bits=np.array_equal(lesion_slice.pixels, rounded),
        clipped=float(np.mean((inside < low) | (inside > high))),
        constant=bool(inside.max() <= low or inside.min() >= high),
        values=0 if labels is None else int(np.count_nonzero(np.unique(labels))),
        pieces=lesion_slice.mask is not None and _in_pieces(lesion_slice.mask),
        picture=_digest(lesion_slice.pixels),
        region=_digest(mask),
    )


def _region(lesion_slice: LesionSlice) -> np.ndarray:
    """Return the lesion's pixels as bool [h, w]: the mask, or every pixel that the box touches."""
    if lesion_slice.mask is not None:
        return lesion_slice.mask
    x0, y0, x1, y1 = lesion_slice.box
    mask = np.zeros(lesion_slice.pixels.shape, bool)
    mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return mask


def _in_pieces(mask: np.ndarray) -> bool:
    """Return whether the largest connected piece (with diagonals) is under 80 % of the mask."""
    from scipy import ndimage  # slow to import, and not needed to read a table

    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    return count > 1 and np.bincount(pieces.ravel())[1:].max() < 0.8 * mask.sum()


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(repr(array.shape).encode() + array.tobytes()).hexdigest()
