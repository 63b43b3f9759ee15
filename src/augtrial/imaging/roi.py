"""Regions of interest: the square frame around a lesion, its image and its measurements."""

import numpy as np

from augtrial.cohort.readers import LesionSlice, measure_diameter
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.imaging.context import Context, largest_shift, to_bytes
from augtrial.imaging.resampler import CropFrame, outside_pixels, resample


def place_frame(lesion: LesionSlice, roi: RoiSettings, classic: ClassicSettings) -> CropFrame:
    """Return the base frame, centred on the lesion's bounding box.

    Its side is (1 + 2 margin) d. It is larger if a rotated and shifted frame of this side would
    cut off a part of a long lesion: every frame contains the whole lesion.
    """
    diameter = measure_diameter(lesion)
    if lesion.mask is not None:
        rows, columns = np.nonzero(lesion.mask)
        x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
        reach = np.hypot(columns - x, rows - y).max() + 0.5
    else:  # the lesion is assumed to be an ellipse that fills its box
        x0, y0, x1, y1 = lesion.box
        x, y = (x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5
        reach = diameter / 2
    side = max((1 + 2 * roi.margin) * diameter, 2 * (reach + largest_shift(diameter, classic)))
    return CropFrame(x=float(x), y=float(y), side=float(side))


def extract_context(lesion: LesionSlice, roi: RoiSettings, classic: ClassicSettings) -> Context:
    """Return the lesion's surroundings, windowed, as far as the largest variant needs them."""
    diameter = measure_diameter(lesion)
    frame = place_frame(lesion, roi, classic)
    widest = frame.side + 2 * classic.scale_range[1] * diameter
    blur = 3 * max(0.0, (widest / roi.size - 1) / 2)
    reach = int(np.ceil(widest / np.sqrt(2) + largest_shift(diameter, classic) + blur)) + 3
    height, width = lesion.pixels.shape
    x0, y0 = max(0, int(frame.x) - reach), max(0, int(frame.y) - reach)
    x1, y1 = min(width, int(frame.x) + reach + 1), min(height, int(frame.y) + reach + 1)
    low, high = roi.window
    pixels = np.clip((lesion.pixels[y0:y1, x0:x1] - low) / (high - low), 0, 1)
    pixels = pixels.astype(np.float32, copy=False)
    local = CropFrame(x=frame.x - x0, y=frame.y - y0, side=frame.side)
    region = lesion_region(lesion)[y0:y1, x0:x1]
    return Context(pixels, region, local, diameter, (x0, y0), (height, width))


def extract_roi(context: Context, size: int) -> np.ndarray:
    """Return the base ROI as uint8 [size, size]; 0 and 255 are the limits of the window."""
    return to_bytes(resample(context.pixels, context.frame, size))


def measurements(lesion: LesionSlice, context: Context, size: int) -> dict[str, float | int]:
    """Return the lesion's row of rois.csv: position, size, and pixel values inside and around it.

    Values are in the units of the image (HU for CT). The inside is the mask, or the ellipse that
    fills the box; the surroundings are the rest of the base frame.
    """
    inside = lesion_region(lesion)
    frame = context.in_slice(context.frame)
    half = frame.side / 2
    height, width = lesion.pixels.shape
    rows = slice(max(0, int(frame.y - half)), min(height, int(frame.y + half) + 1))
    columns = slice(max(0, int(frame.x - half)), min(width, int(frame.x + half) + 1))
    around = lesion.pixels[rows, columns][~inside[rows, columns]]
    values = lesion.pixels[inside]
    return {
        "slice": -1 if lesion.index is None else lesion.index,
        "centre_x": frame.x,
        "centre_y": frame.y,
        "side_px": frame.side,
        "diameter_px": context.diameter,
        "diameter_mm": context.diameter * lesion.spacing_mm,
        "spacing_mm": lesion.spacing_mm,
        "outside_pixels": int(outside_pixels([frame], size, lesion.pixels.shape)[0]),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "p05": float(np.percentile(values, 5)),
        "p95": float(np.percentile(values, 95)),
        "surroundings_mean": float(around.mean()) if around.size else float("nan"),
        "surroundings_sd": float(around.std()) if around.size else float("nan"),
    }


def lesion_region(lesion: LesionSlice) -> np.ndarray:
    """Return the lesion as bool [h, w]: its mask, or the ellipse that fills its box."""
    if lesion.mask is not None:
        return lesion.mask
    x0, y0, x1, y1 = lesion.box
    row, column = np.ogrid[: lesion.pixels.shape[0], : lesion.pixels.shape[1]]
    x = (column - (x0 + x1) / 2 + 0.5) / max((x1 - x0) / 2, 0.5)
    y = (row - (y0 + y1) / 2 + 0.5) / max((y1 - y0) / 2, 0.5)
    return x**2 + y**2 <= 1
