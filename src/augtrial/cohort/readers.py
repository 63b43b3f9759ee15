"""From a lesion of the table to one axial slice: its pixels, its region and its pixel size."""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augtrial.cohort.formats import Scan, read_scan
from augtrial.cohort.lesion import Lesion
from augtrial.core.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class LesionSlice:
    """The axial slice that shows a lesion, at native resolution.

    `pixels` is float32 [h, w] (HU for CT), with the top row first. Either `mask` is bool [h, w], or
    `box` is (x0, y0, x1, y1) in pixel edges. `spacing_mm` is NaN if it is unknown. `index` is the
    number of the slice in a volume, from 0 along the axial axis, and None for a picture.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    box: tuple[float, float, float, float] | Any  # None with a mask
    spacing_mm: float
    index: int | None


def measure_diameter(lesion: LesionSlice) -> float:
    """Return the lesion's diameter in native pixels.

    d = 2 sqrt(area / pi) with the area of the mask on the slice; for a box, its longer side.
    """
    if lesion.mask is not None:
        return 2 * float(np.sqrt(lesion.mask.sum() / np.pi))
    x0, y0, x1, y1 = lesion.box
    return max(x1 - x0, y1 - y0)


def lesion_slice(lesion: Lesion) -> LesionSlice:
    """Read the axial slice with the lesion's largest mask area, or the slice of its box.

    If several slices have the same largest area, the middle one is taken. Volumes with masks are
    turned to LPS first (rows to the patient's back, columns to the left, slices to the head), so
    that any stored orientation gives axial slices. Volumes with boxes must be stored in axial
    slices; the table's `slice` counts along their third axis. The spacing in the table is used in
    place of the file's. Raises `UserError` with the row, the lesion, the file and what is wrong.
    """
    return read_lesion(lesion)[0]


def read_lesion(lesion: Lesion) -> tuple[LesionSlice, np.ndarray | None]:
    """Return the slice as `lesion_slice`, and the mask file's values on it ([h, w]; None: box)."""
    try:
        return _by_box(lesion) if lesion.mask is None else _by_mask(lesion, lesion.mask)
    except UserError as error:
        name = f"row {lesion.row} ({lesion.lesion_id})"
        raise UserError([f"{name}: {problem}" for problem in error.problems]) from None


def _by_mask(lesion: Lesion, path: Path) -> tuple[LesionSlice, np.ndarray]:
    image = read_scan(lesion.image, axial=True)
    mask = read_scan(path, axial=True, labels=True)
    _check_match(lesion.image, image, path, mask)
    values = mask.pixels
    if np.isnan(values).any():
        raise UserError(f"{path}: the mask has NaN pixels: write 0 outside the lesion")
    region = values != 0 if lesion.mask_value is None else values == lesion.mask_value
    areas = region.sum(axis=(1, 2))
    if not areas.any():
        present = [f"{value:g}" for value in np.unique(values)]
        listed = ", ".join(present[:10]) + (", ..." if len(present) > 10 else "")
        missing = f"has no pixel of mask_value {lesion.mask_value}"
        what = "is empty" if lesion.mask_value is None else missing
        raise UserError(f"{path}: the mask {what}; its values are {listed}")
    largest = np.flatnonzero(areas == areas.max())
    index = int(largest[(len(largest) - 1) // 2])
    return _finish(lesion, image, index, region[index]), values[index]


def _by_box(lesion: Lesion) -> tuple[LesionSlice, None]:
    image = read_scan(lesion.image)
    slices = len(image.pixels)
    if image.volume is None:
        if lesion.slice is not None:
            what = f"is a 2-D picture and has no slice {lesion.slice}: leave slice empty"
            raise UserError(f"{lesion.image}: {what}")
        return _finish(lesion, image, 0, None), None
    _check_axial(lesion.image, image.volume)
    if lesion.slice is None and slices > 1:
        what = f"is a volume of {slices} slices: the box needs a slice from 0 to {slices - 1}"
        raise UserError(f"{lesion.image}: {what}")
    index = lesion.slice or 0
    if index >= slices:
        what = f"slice is {index}, outside the volume: it has slices 0 to {slices - 1}"
        raise UserError(f"{lesion.image}: {what}")
    return _finish(lesion, image, index, None), None


def _finish(lesion: Lesion, image: Scan, index: int, mask: np.ndarray | None) -> LesionSlice:
    """Return the slice with its spacing; refuse it with all that is wrong with it."""
    pixels = image.pixels[index].astype(np.float32)
    height, width = pixels.shape
    problems = []
    where = "the image" if image.volume is None else f"slice {index}"
    if bad := np.count_nonzero(~np.isfinite(pixels)):
        what = f"{bad} of {pixels.size} pixels of {where} are NaN or infinite"
        problems.append(f"{what}: replace them by numbers")
    elif pixels.min() == pixels.max():
        problems.append(f"every pixel of {where} is {pixels.flat[0]:g}: it shows nothing")
    if lesion.box is not None:
        x0, y0, x1, y1 = lesion.box
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            edges = ", ".join(f"{edge:g}" for edge in lesion.box)
            size = f"the image, {width} wide and {height} high"
            problems.append(f"the box ({edges}) as x0, y0, x1, y1 reaches outside {size}")
        if min(x1 - x0, y1 - y0) < 1:
            what = f"the box is {x1 - x0:g} wide and {y1 - y0:g} high, less than a pixel"
            problems.append(f"{what}: give pixels, not fractions of the image")
    spacing = float("nan")
    if image.spacing is not None:
        spacing = sum(image.spacing) / 2
        if abs(image.spacing[0] - image.spacing[1]) > 0.01 * spacing:
            size = " x ".join(f"{side:g}" for side in image.spacing)
            what = f"the pixels of an axial slice are {size} mm, not square"
            problems.append(f"{what}: resample the image")
    if problems:
        raise UserError([f"{lesion.image}: {problem}" for problem in problems])
    box = lesion.box if mask is None else None
    spacing = spacing if lesion.spacing_mm is None else lesion.spacing_mm
    return LesionSlice(pixels, mask, box, spacing, None if image.volume is None else index)


def _check_match(image_path: Path, image: Scan, mask_path: Path, mask: Scan) -> None:
    """Refuse a mask that does not fit its image pixel by pixel."""
    if (image.volume is None) != (mask.volume is None):
        kinds = ["a 2-D picture" if scan.volume is None else "a volume" for scan in (mask, image)]
        what = f"is {kinds[0]}, and its image {image_path.name} is {kinds[1]}"
        raise UserError(f"{mask_path}: the mask {what}: both must be of one kind")
    if image.pixels.shape != mask.pixels.shape:
        sizes = [" x ".join(map(str, scan.pixels.shape[::-1])) for scan in (mask, image)]
        if image.volume is None:
            sizes = [size.removesuffix(" x 1") for size in sizes]
        what = f"is {sizes[0]} pixels, and its image {image_path.name} is {sizes[1]}"
        raise UserError(f"{mask_path}: the mask {what}: both must be of one size")
    if image.volume is None or mask.volume is None:
        return
    # Errors of origin, spacing and direction are all largest at a corner.
    to_image = image.volume.TransformIndexToPhysicalPoint
    to_mask = mask.volume.TransformIndexToPhysicalPoint
    corners = product(*((0, size - 1) for size in image.volume.GetSize()))
    distance = max(math.dist(to_image(corner), to_mask(corner)) for corner in corners)
    if distance > 0.25 * min(image.volume.GetSpacing()):
        differences = []
        for name in ("Spacing", "Origin", "Direction"):
            pair = [getattr(scan.volume, f"Get{name}")() for scan in (mask, image)]
            if not np.allclose(pair[0], pair[1], rtol=1e-3, atol=1e-3):
                numbers = [", ".join(f"{number:.4g}" for number in values) for values in pair]
                differences.append(f"{name.lower()} ({numbers[0]}) against ({numbers[1]})")
        what = f"lies up to {distance:.3g} mm beside its image {image_path.name}"
        advice = "resample it to the image's grid"
        raise UserError(f"{mask_path}: the mask {what}: {'; '.join(differences)}; {advice}")


def _check_axial(path: Path, volume: "sitk.Image") -> None:
    """Refuse a volume whose third axis does not run between feet and head."""
    third = np.abs(np.reshape(volume.GetDirection(), (3, 3))[:, 2])
    if third.argmax() != 2:
        plane = ("sagittal", "coronal")[third.argmax()]
        advice = "a box needs axial slices; give a mask, or reorient the volume"
        raise UserError(f"{path}: is stored in {plane} slices: {advice}")
