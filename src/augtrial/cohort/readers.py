"""One lesion to one axial slice: its pixels, its region and its pixel size."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augtrial.cohort.formats import Scan, read_scan
from augtrial.cohort.lesion import Lesion
from augtrial.errors import UserError

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class LesionSlice:
    """The axial slice that shows a lesion, in the file's own pixels.

    `pixels` is float32 [h, w] (HU for CT), rows from the top; either `mask` is bool [h, w], or
    `box` is (x0, y0, x1, y1) in pixel edges. `spacing_mm` is NaN where it is unknown; `index`
    is the slice of a volume, counted from 0 along the axial axis, and None for a picture.
    """

    pixels: np.ndarray
    mask: np.ndarray | None
    box: tuple[float, float, float, float] | None
    spacing_mm: float
    index: int | None


def lesion_slice(lesion: Lesion) -> LesionSlice:
    """Read the axial slice with the lesion's largest mask area, or the slice of its box.

    Several slices of the same largest area: the middle one. Volumes with masks are turned to
    LPS first (rows to the patient's back, columns to the left, slices to the head), so that
    axial is axial however the file is stored; volumes with boxes must be stored axially, and
    `slice` counts along their stored third axis. The table's spacing goes before the file's.
    Raises `UserError` that names row, lesion, file and what is wrong.
    """
    return read_lesion(lesion)[0]


def read_lesion(lesion: Lesion) -> tuple[LesionSlice, np.ndarray | None]:
    """Return the lesion's slice, and the mask file's own values on it ([h, w]; None for a box).

    Raises `UserError` as `lesion_slice` does.
    """
    try:
        return _by_box(lesion) if lesion.mask is None else _by_mask(lesion, lesion.mask)
    except UserError as error:
        place = f"row {lesion.row} ({lesion.lesion_id})"
        raise UserError([f"{place}: {problem}" for problem in error.problems]) from None


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
        what = "is empty"
        if lesion.mask_value is not None:
            what = f"has no pixel of mask_value {lesion.mask_value}"
        raise UserError(f"{path}: the mask {what}; the values in it are {listed}")
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
    """Check the slice itself, all at once, and give it its spacing."""
    pixels = image.pixels[index].astype(np.float32)
    height, width = pixels.shape
    problems = []
    where = "the image" if image.volume is None else f"slice {index}"
    bad = np.count_nonzero(~np.isfinite(pixels))
    if bad:
        problems.append(f"{bad} of {pixels.size} pixels of {where} are NaN or infinite: mend them")
    elif pixels.min() == pixels.max():
        problems.append(f"every pixel of {where} is {pixels.flat[0]:g}: there is no picture in it")
    if lesion.box is not None:
        x0, y0, x1, y1 = lesion.box
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            box = ", ".join(f"{edge:g}" for edge in lesion.box)
            size = f"the image, {width} wide and {height} high"
            problems.append(f"the box ({box}) as x0, y0, x1, y1 reaches outside {size}")
        if min(x1 - x0, y1 - y0) < 1:
            what = f"the box is {x1 - x0:g} wide and {y1 - y0:g} high, less than a pixel"
            problems.append(f"{what}: give pixels, not fractions of the image")
    spacing = float("nan")
    if image.spacing is not None:
        spacing = sum(image.spacing) / 2
        if abs(image.spacing[0] - image.spacing[1]) > 0.01 * spacing:
            size = " x ".join(f"{side:g}" for side in image.spacing)
            what = f"the pixels of an axial slice are {size} mm, not square: resample the image"
            problems.append(what)
    if problems:
        raise UserError([f"{lesion.image}: {problem}" for problem in problems])
    return LesionSlice(
        pixels=pixels,
        mask=mask,
        box=lesion.box if mask is None else None,
        spacing_mm=spacing if lesion.spacing_mm is None else lesion.spacing_mm,
        index=None if image.volume is None else index,
    )


def _check_match(image_path: Path, image: Scan, mask_path: Path, mask: Scan) -> None:
    """Refuse a mask that does not lie on its image."""
    if (image.volume is None) != (mask.volume is None):
        kinds = [
            "a volume" if scan.volume is not None else "a 2-D picture" for scan in (image, mask)
        ]
        what = (
            f"is {kinds[1]}, and its image {image_path.name} is {kinds[0]}: give both as one kind"
        )
        raise UserError(f"{mask_path}: the mask {what}")
    if image.pixels.shape != mask.pixels.shape:
        sizes = [" x ".join(map(str, scan.pixels.shape[::-1])) for scan in (mask, image)]
        if image.volume is None:
            sizes = [size.removesuffix(" x 1") for size in sizes]
        what = f"is {sizes[0]} pixels, and its image {image_path.name} is {sizes[1]}"
        raise UserError(f"{mask_path}: the mask {what}: they must be of one size")
    if image.volume is None or mask.volume is None:
        return
    # Corners tell everything: origin, spacing and direction are wrong only by what they move.
    last = [size - 1 for size in image.volume.GetSize()]
    corners = [tuple(int(n) for n in corner) for corner in product(*((0, n) for n in last))]
    apart = max(
        np.linalg.norm(
            np.subtract(
                image.volume.TransformIndexToPhysicalPoint(corner),
                mask.volume.TransformIndexToPhysicalPoint(corner),
            )
        )
        for corner in corners
    )
    if apart > 0.25 * min(image.volume.GetSpacing()):
        differ = []
        for name in ("Spacing", "Origin", "Direction"):
            ours, theirs = (getattr(scan.volume, f"Get{name}")() for scan in (mask, image))
            if not np.allclose(ours, theirs, rtol=1e-3, atol=1e-3):
                told = [", ".join(f"{number:.4g}" for number in side) for side in (ours, theirs)]
                differ.append(f"{name.lower()} ({told[0]}) against ({told[1]})")
        what = f"lies up to {apart:.3g} mm beside its image {image_path.name}: {'; '.join(differ)}"
        raise UserError(f"{mask_path}: the mask {what}; resample it to the image's grid")


def _check_axial(path: Path, volume: "sitk.Image") -> None:
    """Refuse a volume whose third axis is not the one from feet to head."""
    third = np.abs(np.reshape(volume.GetDirection(), (3, 3))[:, 2])
    if third.argmax() != 2:
        plane = ("sagittal", "coronal")[third.argmax()]
        what = f"is stored in {plane} slices: a box needs axial ones; give a mask, or reorient it"
        raise UserError(f"{path}: {what}")
