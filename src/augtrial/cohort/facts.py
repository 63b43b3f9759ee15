"""What the check keeps of each lesion when its pixels are gone."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from augtrial.cohort.lesion import PICTURES, Lesion
from augtrial.cohort.readers import LesionSlice, read_lesion
from augtrial.roi import measure_diameter


@dataclass(frozen=True)
class Facts:
    """What is kept of a lesion when its pixels are gone."""

    lesion: Lesion
    diameter: float  # pixels
    spacing: float  # mm; NaN where unknown
    file_spacing: float  # mm, as the image file has it
    median: float  # value inside the lesion
    eight_bits: bool  # whether the slice holds whole numbers from 0 to 255 only
    clipped: float  # fraction of the lesion's pixels outside the window
    constant: bool  # whether the window leaves one value of them
    values: int  # different values other than 0 in the mask's slice
    pieces: bool  # whether the mask falls into pieces
    picture: str  # digest of the slice
    region: str  # digest of mask or box


def measure(lesion: Lesion, window: tuple[float, float] | None) -> Facts:
    """Read a lesion and return what is to be known of it.

    Raises:
        UserError: the lesion cannot be read (see `readers.lesion_slice`).
    """
    found, labels = read_lesion(lesion)
    mask = _region(found)
    inside = found.pixels[mask]
    low, high = window or (-np.inf, np.inf)
    spacing = found.spacing_mm
    if lesion.spacing_mm is not None and not lesion.image.name.lower().endswith(PICTURES):
        spacing = read_lesion(replace(lesion, spacing_mm=None))[0].spacing_mm
    return Facts(
        lesion=lesion,
        diameter=measure_diameter(found),
        spacing=found.spacing_mm,
        file_spacing=spacing,
        median=float(np.median(inside)),
        eight_bits=np.array_equal(found.pixels, np.clip(np.round(found.pixels), 0, 255)),
        clipped=float(np.mean((inside < low) | (inside > high))),
        constant=bool(inside.max() <= low or inside.min() >= high),
        values=0 if labels is None else np.count_nonzero(np.unique(labels)),
        pieces=found.mask is not None and _in_pieces(found.mask),
        picture=_digest(found.pixels),
        region=_digest(mask),
    )


def _region(found: LesionSlice) -> np.ndarray:
    """Return the lesion's pixels as a mask [h, w]: the mask, or all that the box touches."""
    if found.mask is not None:
        return found.mask
    x0, y0, x1, y1 = found.box
    mask = np.zeros(found.pixels.shape, bool)
    mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return mask


def _in_pieces(mask: np.ndarray) -> bool:
    """Whether the largest connected piece (diagonals count) is under 80 % of the mask."""
    from scipy import ndimage  # not needed to read a table, which must be quick

    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    return count > 1 and np.bincount(pieces.ravel())[1:].max() < 0.8 * mask.sum()


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(repr(array.shape).encode() + array.tobytes()).hexdigest()
