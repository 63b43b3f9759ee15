"""One patient of the phantom: the positions of the lesions, and the slices of the volume."""

import errno
import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from augtrial.cohort.phantom import anatomy
from augtrial.cohort.phantom.anatomy import Anatomy, Scanner
from augtrial.cohort.phantom.lesions import Lesion, draw_lesion
from augtrial.core.io import atomic_write
from augtrial.core.seeds import generator

GAP_MM = 4.0  # between two lesions
CAPSULE_MM = 1.0  # of liver at least around a lesion
HEADER = 352  # bytes of a NIfTI file before its voxels


class PlacedLesion(NamedTuple):
    """A lesion and its position in the patient."""

    lesion: Lesion
    centre: np.ndarray  # (x, y, z), mm; z is the middle of a slice


class Patient:
    """One patient and one volume, with a lesion for each label; any slice can be drawn alone."""

    def __init__(self, seed: int, name: tuple[str, ...], labels: list[str]) -> None:
        self._seed, self._name = seed, name
        self.scanner = anatomy.draw_scanner(self._generator("scanner"))
        self.anatomy = anatomy.draw_anatomy(self._generator("anatomy"), self.scanner)
        self.lesions = place_lesions(self._generator("lesions"), self.anatomy, self.scanner, labels)

    @cached_property
    def slices(self) -> range:
        """Numbers of the volume's slices: those of the lesions, and one more at each end."""
        thickness = self.scanner.thickness_mm
        low = min(centre[2] - lesion.half_height for lesion, centre in self.lesions)
        high = max(centre[2] + lesion.half_height for lesion, centre in self.lesions)
        return range(int(np.floor(low / thickness)) - 1, int(np.ceil(high / thickness)) + 2)

    def slice_hu(self, index: int) -> np.ndarray:
        """Draw one slice: organs on the middle plane, vessels and lesions averaged over all."""
        middle = index * self.scanner.thickness_mm
        organs, liver = anatomy.paint_organs(self.anatomy, self.scanner, middle)
        mean = np.zeros_like(organs)
        for z in middle + self.scanner.planes:
            plane = organs.copy()
            anatomy.paint_vessels(plane, liver, self.anatomy, self.scanner, z)
            for placed in self.lesions:
                self._paint_lesion(plane, placed, z)
            mean += plane / len(self.scanner.planes)
        return anatomy.scan(mean, self.scanner, self._amplitude, self._generator("noise", index))

    def slice_mask(self, placed: PlacedLesion, index: int) -> np.ndarray:
        """Return the lesion's mask on one slice, bool [h, w]: its section with the middle plane."""
        mask = np.zeros((anatomy.FIELD, anatomy.FIELD), bool)
        box, inside = self._section(placed, index)
        mask[box] = inside
        return mask

    def largest_slice(self, placed: PlacedLesion) -> int:
        """Return the number of the slice with the largest mask; of equals, the lowest."""
        middle = round(placed.centre[2] / self.scanner.thickness_mm)
        nearby = range(middle - 2, middle + 3)
        return max(nearby, key=lambda index: self._section(placed, index)[1].sum())

    def write_image(self, path: Path) -> None:
        """Write the volume, int16 HU."""
        self._write(np.stack([self.slice_hu(index) for index in self.slices]), np.int16, path)

    def write_mask(self, placed: PlacedLesion, path: Path) -> None:
        """Write the lesion's mask on the volume's grid, uint8."""
        masks = np.stack([self.slice_mask(placed, index) for index in self.slices])
        self._write(masks, np.uint8, path)

    @cached_property
    def _amplitude(self) -> np.ndarray:
        return anatomy.noise_amplitude(self.scanner)

    def _generator(self, *purpose: object) -> np.random.Generator:
        return generator(self._seed, "phantom", *self._name, *purpose)

    def _box(self, placed: PlacedLesion) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """Return rows and columns around the lesion, and their x and y from its centre, mm."""
        lesion, centre = placed
        reach = lesion.reach + 3 * lesion.edge_mm + 1
        box = anatomy.window(self.scanner, centre[:2] - reach, centre[:2] + reach)
        x = self.scanner.x[box[1]] - np.float32(centre[0])
        return box, x, self.scanner.y[box[0]] - np.float32(centre[1])

    def _section(self, placed: PlacedLesion, index: int) -> tuple[tuple[slice, slice], np.ndarray]:
        box, x, y = self._box(placed)
        z = index * self.scanner.thickness_mm - placed.centre[2]
        return box, placed.lesion.depth(x, y, z) > 0

    def _paint_lesion(self, plane: np.ndarray, placed: PlacedLesion, z: float) -> None:
        lesion, centre = placed
        if abs(z - centre[2]) <= lesion.half_height + 3 * lesion.edge_mm + 1:
            box, x, y = self._box(placed)
            share, hu = lesion.paint(x, y, z - centre[2], self.scanner.pixel_mm)
            plane[box] += share * (self.scanner.liver_hu + hu - plane[box])

    def _write(self, volume: np.ndarray, dtype: type, path: Path) -> None:
        import SimpleITK

        image = SimpleITK.GetImageFromArray(volume.astype(dtype))
        pixel, thickness = self.scanner.pixel_mm, self.scanner.thickness_mm
        image.SetSpacing((pixel, pixel, thickness))
        image.SetOrigin((*self.scanner.corner_mm, self.slices[0] * thickness))
        with atomic_write(path) as draft:
            SimpleITK.WriteImage(image, str(draft), useCompression=True, compressionLevel=1)
            _check_length(draft, HEADER + volume.size * np.dtype(dtype).itemsize)


def _check_length(path: Path, length: int) -> None:
    """Raise OSError if a file is not of this length: on a full disk, ITK does not report an error.

    The last four bytes of a gzip file hold the length of its content.
    """
    if path.suffix == ".gz":
        complete = int.from_bytes(path.read_bytes()[-4:], "little") == length % 2**32
    else:
        complete = path.stat().st_size == length
    if not complete:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def place_lesions(
    rng: np.random.Generator, body: Anatomy, scanner: Scanner, labels: list[str]
) -> list[PlacedLesion]:
    """Draw the lesions, and place each inside the liver and the field, apart from the others.

    The first may be anywhere; the others are at about its height, which keeps the volume thin. If a
    lesion does not fit anywhere, another one is drawn, and the range of heights grows a little.
    """
    placed: list[PlacedLesion] = []
    for label in labels:
        spread = 25.0
        while True:
            lesion = draw_lesion(rng, label, scanner.liver_hu)
            height = placed[0].centre[2] if placed else 0.0
            centres = rng.uniform((-75, -70, height - spread), (110, 70, height + spread), (64, 3))
            thickness = scanner.thickness_mm
            centres[:, 2] = thickness * np.rint(centres[:, 2] / thickness)
            free = centres[_fits(centres, lesion, placed, body, scanner)]
            if len(free):
                placed.append(PlacedLesion(lesion, free[0]))
                break
            spread = min(spread + 1, 60.0)
    return placed


def _fits(
    centres: np.ndarray, lesion: Lesion, placed: list[PlacedLesion], body: Anatomy, scanner: Scanner
) -> np.ndarray:
    """Return at which centres [n, 3] the lesion is in the liver, in the field and by itself."""
    directions = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1)
    surface = centres[:, None, :] + (lesion.reach + CAPSULE_MM) * directions
    fits = np.all(body.liver_depth(surface) > 0, axis=1)
    low = np.array(scanner.corner_mm) + lesion.reach
    high = low - 2 * lesion.reach + scanner.pixel_mm * (anatomy.FIELD - 1)
    fits &= np.all((low < centres[:, :2]) & (centres[:, :2] < high), axis=1)
    for neighbour, centre in placed:
        distance = lesion.reach + neighbour.reach + GAP_MM
        fits &= np.linalg.norm(centres - centre, axis=1) > distance
    return fits
