"""One patient of the phantom: where the lesions lie, and every slice of the volume by itself."""

import errno
import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from augtrial.cohort import phantom_anatomy as anatomy
from augtrial.cohort.phantom_lesions import Lesion, draw_lesion
from augtrial.files import written_whole
from augtrial.seeds import generator

GAP_MM = 4.0  # between two lesions
CAPSULE_MM = 1.0  # least liver around a lesion
HEADER = 352  # bytes of a NIfTI file before its voxels


class Placed(NamedTuple):
    """A lesion at its place in the patient."""

    lesion: Lesion
    centre: np.ndarray
    """Centre (x, y, z), mm; z is the middle of a slice."""


class Patient:
    """One patient: everything about the volume, any slice of which can be drawn alone."""

    def __init__(self, seed: int, name: tuple[str, ...], labels: list[str]) -> None:
        """Draw the patient of this name, with one lesion for each class name in labels."""
        self._seed, self._name = seed, name
        self.scanner = anatomy.draw_scanner(self._generator("scanner"))
        self.anatomy = anatomy.draw_anatomy(self._generator("anatomy"), self.scanner)
        self.lesions = place_lesions(self._generator("lesions"), self.anatomy, self.scanner, labels)

    @cached_property
    def slices(self) -> range:
        """Numbers of the volume's slices: the lesions and one more slice at either end."""
        thickness = self.scanner.thickness_mm
        low = min(centre[2] - lesion.half_height for lesion, centre in self.lesions)
        high = max(centre[2] + lesion.half_height for lesion, centre in self.lesions)
        return range(int(np.floor(low / thickness)) - 1, int(np.ceil(high / thickness)) + 2)

    def slice_hu(self, index: int) -> np.ndarray:
        """Draw one slice: organs at its middle, vessels and lesions averaged over its planes."""
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

    def slice_mask(self, placed: Placed, index: int) -> np.ndarray:
        """Return where the lesion is on one slice: what a reader would mark on its middle."""
        mask = np.zeros((anatomy.FIELD, anatomy.FIELD), bool)
        box, inside = self._section(placed, index)
        mask[box] = inside
        return mask

    def largest_slice(self, placed: Placed) -> int:
        """Return the number of the slice with the largest mask, the lowest of equals."""
        middle = round(placed.centre[2] / self.scanner.thickness_mm)
        return max(
            range(middle - 2, middle + 3), key=lambda index: self._section(placed, index)[1].sum()
        )

    def write_image(self, path: Path) -> None:
        """Write the volume, int16 HU."""
        self._write(np.stack([self.slice_hu(index) for index in self.slices]), np.int16, path)

    def write_mask(self, placed: Placed, path: Path) -> None:
        """Write the lesion's mask on the volume's grid, uint8."""
        masks = np.stack([self.slice_mask(placed, index) for index in self.slices])
        self._write(masks, np.uint8, path)

    @cached_property
    def _amplitude(self) -> np.ndarray:
        return anatomy.noise_amplitude(self.scanner)

    def _generator(self, *what: object) -> np.random.Generator:
        return generator(self._seed, "phantom", *self._name, *what)

    def _box(self, placed: Placed) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """Return rows and columns around the lesion, and x and y from the lesion's centre."""
        lesion, centre = placed
        reach = lesion.reach + 3 * lesion.edge_mm + 1
        box = anatomy.window(self.scanner, centre[:2] - reach, centre[:2] + reach)
        x = self.scanner.x[box[1]] - np.float32(centre[0])
        return box, x, self.scanner.y[box[0]] - np.float32(centre[1])

    def _section(self, placed: Placed, index: int) -> tuple[tuple[slice, slice], np.ndarray]:
        box, x, y = self._box(placed)
        z = index * self.scanner.thickness_mm - placed.centre[2]
        return box, placed.lesion.depth(x, y, z) > 0

    def _paint_lesion(self, plane: np.ndarray, placed: Placed, z: float) -> None:
        lesion, centre = placed
        height = z - centre[2]
        if abs(height) > lesion.half_height + 3 * lesion.edge_mm + 1:
            return
        box, x, y = self._box(placed)
        share, hu = lesion.paint(x, y, height, self.scanner.pixel_mm)
        plane[box] += share * (self.scanner.liver_hu + hu - plane[box])

    def _write(self, volume: np.ndarray, dtype: type, path: Path) -> None:
        import SimpleITK

        image = SimpleITK.GetImageFromArray(volume.astype(dtype))
        pixel, thickness = self.scanner.pixel_mm, self.scanner.thickness_mm
        image.SetSpacing((pixel, pixel, thickness))
        image.SetOrigin((*self.scanner.corner_mm, self.slices[0] * thickness))
        with written_whole(path) as draft:
            SimpleITK.WriteImage(image, str(draft), useCompression=True, compressionLevel=1)
            _check_length(draft, HEADER + volume.size * np.dtype(dtype).itemsize)


def _check_length(path: Path, length: int) -> None:
    """Raise OSError where a file is too short; a gzip file ends with what its length unpacked is.

    On a full disk ITK writes what fits and says nothing.
    """
    if path.suffix == ".gz":
        whole = int.from_bytes(path.read_bytes()[-4:], "little") == length % 2**32
    else:
        whole = path.stat().st_size == length
    if not whole:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def place_lesions(
    rng: np.random.Generator,
    body: anatomy.Anatomy,
    scanner: anatomy.Scanner,
    labels: list[str],
) -> list[Placed]:
    """Draw the lesions and put each into the liver and the field, apart from the others.

    The first lies anywhere; the others at about its height, which keeps volumes thin. A lesion
    that finds no room is drawn anew, and its search goes up and down a little further.
    """
    placed: list[Placed] = []
    for label in labels:
        spread = 25.0
        while True:
            lesion = draw_lesion(rng, label, scanner.liver_hu)
            heart = placed[0].centre[2] if placed else 0.0
            centres = rng.uniform((-75, -70, heart - spread), (110, 70, heart + spread), (64, 3))
            thickness = scanner.thickness_mm
            centres[:, 2] = thickness * np.rint(centres[:, 2] / thickness)
            free = centres[_fits(centres, lesion, placed, body, scanner)]
            if len(free):
                placed.append(Placed(lesion, free[0]))
                break
            spread = min(spread + 1, 60.0)
    return placed


def _fits(
    centres: np.ndarray,
    lesion: Lesion,
    placed: list[Placed],
    body: anatomy.Anatomy,
    scanner: anatomy.Scanner,
) -> np.ndarray:
    """Return which centres [n, 3] leave the lesion in the liver, in the field and alone."""
    ways = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
    ways = ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1)
    surface = centres[:, None, :] + (lesion.reach + CAPSULE_MM) * ways
    fits = np.all(body.liver_depth(surface) > 0, axis=1)
    low = np.array(scanner.corner_mm) + lesion.reach
    high = low - 2 * lesion.reach + scanner.pixel_mm * (anatomy.FIELD - 1)
    fits &= np.all((low < centres[:, :2]) & (centres[:, :2] < high), axis=1)
    for other, centre in placed:
        room = lesion.reach + other.reach + GAP_MM
        fits &= np.linalg.norm(centres - centre, axis=1) > room
    return fits
