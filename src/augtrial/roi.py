"""Regions of interest: where the square around a lesion lies, and what is measured there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.files import write_arrays
from augtrial.resampler import Square, cut, outside_pixels

if TYPE_CHECKING:
    from augtrial.cohort.readers import LesionSlice
    from augtrial.settings import ClassicSettings, RoiSettings


@dataclass(frozen=True)
class Context:
    """A lesion's surroundings at native resolution, all that any variant may look at.

    `pixels` are float32 [h, w], windowed to [0, 1]; `square` is the base ROI in their
    coordinates; `diameter` is in native pixels; `origin` (x, y) is where `pixels` begin in the
    full slice and `slice_shape` (height, width) is that slice's size.
    """

    pixels: np.ndarray
    square: Square
    diameter: float
    origin: tuple[int, int]
    slice_shape: tuple[int, int]

    def in_slice(self, square: Square) -> Square:
        """Return a square of this context in the coordinates of the full slice."""
        return replace(square, x=square.x + self.origin[0], y=square.y + self.origin[1])


def measure_diameter(lesion: "LesionSlice") -> float:
    """Return the lesion's diameter in native pixels.

    d = 2 sqrt(area / pi) of the mask on the slice; for a box its longer side.
    """
    if lesion.mask is not None:
        return 2 * float(np.sqrt(lesion.mask.sum() / np.pi))
    x0, y0, x1, y1 = lesion.box
    return max(x1 - x0, y1 - y0)


def place_square(lesion: "LesionSlice", roi: "RoiSettings", classic: "ClassicSettings") -> Square:
    """Return the base square, centred on the lesion's bounding box.

    Its side is (1 + 2 margin) d, and more where the lesion is so long that a rotated and
    shifted square would cut it: the square always contains the lesion.
    """
    diameter = measure_diameter(lesion)
    if lesion.mask is not None:
        rows, columns = np.nonzero(lesion.mask)
        x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
        reach = np.hypot(columns - x, rows - y).max() + 0.5
    else:  # the lesion is taken to fill its box as an ellipse
        x0, y0, x1, y1 = lesion.box
        x, y = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
        reach = diameter / 2
    side = max((1 + 2 * roi.margin) * diameter, 2 * (reach + largest_shift(diameter, classic)))
    return Square(x=float(x), y=float(y), side=float(side))


def largest_shift(diameter: float, classic: "ClassicSettings") -> float:
    """Return p = min(4, 0.1 d), the bound of translations in native pixels."""
    return min(classic.translation_pixels, classic.translation_share * diameter)


def extract_context(
    lesion: "LesionSlice", roi: "RoiSettings", classic: "ClassicSettings"
) -> Context:
    """Return the lesion's surroundings, windowed, as far as the widest variant reaches."""
    diameter = measure_diameter(lesion)
    square = place_square(lesion, roi, classic)
    widest = square.side + 2 * classic.scale_range[1] * diameter
    blur = 3 * max(0.0, (widest / roi.size - 1) / 2)
    reach = int(np.ceil(widest / np.sqrt(2) + largest_shift(diameter, classic) + blur)) + 3
    height, width = lesion.pixels.shape
    x0, y0 = max(0, int(square.x) - reach), max(0, int(square.y) - reach)
    x1, y1 = min(width, int(square.x) + reach + 1), min(height, int(square.y) + reach + 1)
    low, high = roi.window
    pixels = np.clip((lesion.pixels[y0:y1, x0:x1] - low) / (high - low), 0, 1)
    local = Square(x=square.x - x0, y=square.y - y0, side=square.side)
    return Context(
        pixels.astype(np.float32, copy=False), local, diameter, (x0, y0), (height, width)
    )


def extract_roi(context: Context, size: int) -> np.ndarray:
    """Return the base ROI as uint8 [size, size]; 0 and 255 are the ends of the window."""
    return to_bytes(cut(context.pixels, context.square, size))


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Return an image in [0, 1] as uint8, rounded."""
    scaled = image * 255
    return np.rint(scaled, out=scaled).astype(np.uint8)


def measurements(lesion: "LesionSlice", context: Context, size: int) -> dict[str, float | int]:
    """Return the lesion's row of rois.csv: place, size and the values in and around it.

    Values are in the picture's own units (HU for CT). The inside is the mask, or the ellipse
    that fills the box; the surroundings are the rest of the base square.
    """
    inside = lesion_region(lesion)
    square = context.in_slice(context.square)
    half = square.side / 2
    height, width = lesion.pixels.shape
    rows = slice(max(0, int(square.y - half)), min(height, int(square.y + half) + 1))
    columns = slice(max(0, int(square.x - half)), min(width, int(square.x + half) + 1))
    around = lesion.pixels[rows, columns][~inside[rows, columns]]
    values = lesion.pixels[inside]
    return {
        "slice": -1 if lesion.index is None else lesion.index,
        "centre_x": square.x,
        "centre_y": square.y,
        "side_px": square.side,
        "diameter_px": context.diameter,
        "diameter_mm": context.diameter * lesion.spacing_mm,
        "spacing_mm": lesion.spacing_mm,
        "outside_pixels": int(outside_pixels([square], size, lesion.pixels.shape)[0]),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "p05": float(np.percentile(values, 5)),
        "p95": float(np.percentile(values, 95)),
        "surroundings_mean": float(around.mean()) if around.size else float("nan"),
        "surroundings_sd": float(around.std()) if around.size else float("nan"),
    }


def lesion_region(lesion: "LesionSlice") -> np.ndarray:
    """Return the lesion as bool [h, w]: its mask, or the ellipse that fills its box."""
    if lesion.mask is not None:
        return lesion.mask
    x0, y0, x1, y1 = lesion.box
    row, column = np.ogrid[: lesion.pixels.shape[0], : lesion.pixels.shape[1]]
    x = (column - (x0 + x1) / 2 + 0.5) / max((x1 - x0) / 2, 0.5)
    y = (row - (y0 + y1) / 2 + 0.5) / max((y1 - y0) / 2, 0.5)
    return x**2 + y**2 <= 1


def write_contexts(path: str | Path, contexts: Sequence[Context]) -> None:
    """Write the contexts of a part's lesions, in their order, as one .npz."""
    places = {
        "square": np.array([(c.square.x, c.square.y, c.square.side) for c in contexts]),
        "diameter": np.array([c.diameter for c in contexts]),
        "origin": np.array([c.origin for c in contexts]),
        "slice_shape": np.array([c.slice_shape for c in contexts]),
    }
    pixels = {f"pixels{index}": context.pixels for index, context in enumerate(contexts)}
    write_arrays(path, **places, **pixels)


def read_contexts(path: str | Path) -> Iterator[Context]:
    """Yield the contexts of a part's lesions, one in memory at a time."""
    with np.load(path) as arrays:
        # Taken out once: every look into the file reads an array anew, and whole.
        names = ("square", "diameter", "origin", "slice_shape")
        places = zip(*(arrays[name].tolist() for name in names), strict=True)
        for index, ((x, y, side), diameter, origin, shape) in enumerate(places):
            yield Context(
                pixels=arrays[f"pixels{index}"],
                square=Square(x=x, y=y, side=side),
                diameter=diameter,
                origin=tuple(origin),
                slice_shape=tuple(shape),
            )
