"""The patient around the phantom's lesions: scanner, organs, vessels and noise.

Coordinates are mm from the middle of the right liver lobe: x to the patient's left, y to the
back, z to the head.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor

import numpy as np

from augtrial.cohort.phantom_lesions import LIVER_HU, soft_step

# ---- Frozen constants of the patients, none of them known to the classes of lesions --------
# Liver, noise, pixel and slice thickness: this project's protocol. The rest is ours.
FIELD = 320  # pixels a side
PIXEL_MM = (0.6, 0.9)
THICKNESS_MM = {1.25: 0.15, 2.5: 0.3, 3.0: 0.25, 5.0: 0.3}  # and their shares
NOISE_HU = (10.0, 15.0)  # of 8-15: the louder scans
KERNEL_MM = (0.5, 0.8)  # sigma of the blur, which is the edge of all that is sharp
MOTTLE_HU, MOTTLE_MM = 3.0, 4.0  # slow unevenness of tissue, and its sigma
VESSEL_HU = (35.0, 65.0)  # above the liver
BRANCHINGS = 5  # generations of vessels
SHIFT_MM = 10.0  # of the field against the liver, either way
# -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scanner:
    """How one patient was scanned, and the patient's own liver."""

    pixel_mm: float
    thickness_mm: float
    noise_hu: float
    kernel_mm: float
    liver_hu: float
    vessel_hu: float
    corner_mm: tuple[float, float]
    """Centre (x, y) of the first pixel."""

    @cached_property
    def x(self) -> np.ndarray:
        """Pixel centres along x, mm."""
        return (self.corner_mm[0] + self.pixel_mm * np.arange(FIELD)).astype(np.float32)

    @cached_property
    def y(self) -> np.ndarray:
        """Pixel centres along y, mm."""
        return (self.corner_mm[1] + self.pixel_mm * np.arange(FIELD)).astype(np.float32)

    @cached_property
    def planes(self) -> np.ndarray:
        """Heights of the planes whose mean makes one slice, mm from its middle."""
        count = int(np.ceil(self.thickness_mm / 1.7))
        return self.thickness_mm * ((np.arange(count) + 0.5) / count - 0.5)


@dataclass(frozen=True)
class Ellipsoid:
    """An organ with one HU."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    hu: float

    def depth(self, x: np.ndarray, y: np.ndarray, z: float | np.ndarray) -> np.ndarray:
        """Return about how many mm a point lies under the surface (outside negative)."""
        along = [
            ((at - middle) / axis) ** 2
            for at, middle, axis in zip((x, y, z), self.centre, self.axes, strict=True)
        ]
        return (1 - np.sqrt(along[0] + along[1] + along[2])) * min(self.axes)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One patient's organs (later ones cover earlier ones), liver lobes and liver vessels."""

    organs: list[Ellipsoid]
    lobes: list[Ellipsoid]
    vessels: np.ndarray
    """Start (x, y, z), end (x, y, z) and radius of each piece of vessel, [pieces, 7]."""

    def liver_depth(self, points: np.ndarray) -> np.ndarray:
        """Return mm under the liver's surface for points [..., 3]."""
        x, y, z = np.moveaxis(points, -1, 0)
        return np.max([lobe.depth(x, y, z) for lobe in self.lobes], axis=0)


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw a scanner and a liver without knowing what lesions the patient has."""
    pixel = rng.uniform(*PIXEL_MM)
    middle = rng.uniform(-SHIFT_MM, SHIFT_MM, 2)
    corner = middle - pixel * (FIELD - 1) / 2
    return Scanner(
        pixel_mm=round(float(pixel), 4),
        thickness_mm=float(rng.choice(list(THICKNESS_MM), p=list(THICKNESS_MM.values()))),
        noise_hu=float(rng.uniform(*NOISE_HU)),
        kernel_mm=float(rng.uniform(*KERNEL_MM)),
        liver_hu=float(rng.normal(*LIVER_HU)),
        vessel_hu=float(rng.uniform(*VESSEL_HU)),
        corner_mm=(float(corner[0]), float(corner[1])),
    )


def draw_anatomy(rng: np.random.Generator, scanner: Scanner) -> Anatomy:
    """Draw a body, organs about the liver, and the trees of its vessels."""
    size = rng.uniform(0.95, 1.1)
    fat, wall = rng.uniform(8, 25), rng.uniform(9, 14)
    blood = scanner.liver_hu + scanner.vessel_hu
    inner = np.array([175.0, 125.0]) * size  # half axes of the abdomen inside its wall
    body_middle = (90.0 * size, 10.0, 0.0)

    def shell(more: float, hu: float) -> Ellipsoid:
        return Ellipsoid(body_middle, (inner[0] + more, inner[1] + more, 1e4), hu)

    def organ(centre: tuple, axes: tuple, hu: float) -> Ellipsoid:
        moved = tuple(size * np.array(centre) + rng.uniform(-5, 5, 3))
        return Ellipsoid(moved, tuple(size * np.array(axes) * rng.uniform(0.92, 1.08, 3)), hu)

    ribs = []
    for turn in np.arange(1.8, 4.9, 0.35) + rng.uniform(0, 0.35):
        edge = (inner + wall / 2) * (np.cos(turn), np.sin(turn)) + body_middle[:2]
        ribs.append(Ellipsoid((*edge, rng.uniform(-25, 25)), (6, 6, 22), 320))
    organs = [
        shell(wall + fat, -100),
        shell(wall, 55),
        shell(0, -100),
        *ribs,
        organ((35, 75, -45), (28, 26, 48), 165),  # right kidney
        organ((125, -25, 0), (42, 38, 60), 35),  # stomach
        organ((85, 78, 0), (24, 22, 1e4), 190),  # spine
        organ((92, 48, 0), (11, 11, 1e4), blood),  # aorta
    ]
    lobes = [
        organ((0, 0, 0), (78, 76, 88), scanner.liver_hu),
        organ((62, -38, 5), (60, 36, 48), scanner.liver_hu),
    ]
    portal = _branches(
        rng, np.array([45.0, 8, -5]), np.array([-1.0, -0.1, 0.1]), 34, 6.5, BRANCHINGS
    )
    veins = [
        _branches(rng, np.array([45.0, 30, 40]), np.array(way), 32, 5, BRANCHINGS)
        for way in ([-1.0, -0.1, -0.5], [-0.5, -0.9, -0.4])
    ]
    return Anatomy(organs, lobes, np.array([*portal, *veins[0], *veins[1]]))


def _branches(
    rng: np.random.Generator,
    start: np.ndarray,
    way: np.ndarray,
    length: float,
    radius: float,
    generations: int,
) -> list:
    """Grow a tree of straight pieces, each forking into two thinner and shorter ones."""
    way = way / np.sqrt(way @ way)
    end = start + length * way
    pieces = [(*start, *end, radius)]
    if generations > 1:
        for turn in rng.normal(0, 0.6, (2, 3)):
            smaller = (length * rng.uniform(0.65, 0.9), radius * 0.7, generations - 1)
            pieces += _branches(rng, end, way + turn, *smaller)
    return pieces


def paint_organs(anatomy: Anatomy, scanner: Scanner, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the plane z without vessels and lesions in HU, and the liver's share of each pixel."""
    hu = np.full((FIELD, FIELD), -1000, np.float32)
    for organ in anatomy.organs:
        _cover(hu, organ, organ.hu, scanner, z)
    liver = np.zeros_like(hu)
    for lobe in anatomy.lobes:
        _cover(liver, lobe, 1.0, scanner, z)
    hu += liver * (scanner.liver_hu - hu)
    return hu, liver


def paint_vessels(
    hu: np.ndarray, liver: np.ndarray, anatomy: Anatomy, scanner: Scanner, z: float
) -> None:
    """Draw the pieces of vessel that meet the plane z into hu, inside the liver only."""
    starts, ends, radii = anatomy.vessels[:, :3], anatomy.vessels[:, 3:6], anatomy.vessels[:, 6]
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    meets = (low[:, 2] - radii < z) & (z < high[:, 2] + radii)
    blood = np.float32(scanner.liver_hu + scanner.vessel_hu)
    for piece in np.flatnonzero(meets):
        reach = radii[piece] + 1
        box = window(scanner, low[piece, :2] - reach, high[piece, :2] + reach)
        x, y = scanner.x[box[1]], scanner.y[box[0]]
        way = (ends[piece] - starts[piece]).astype(np.float32)
        dx = (x - np.float32(starts[piece, 0]))[None, :]
        dy = (y - np.float32(starts[piece, 1]))[:, None]
        dz = np.float32(z - starts[piece, 2])
        along = np.clip((dx * way[0] + dy * way[1] + dz * way[2]) / (way @ way), 0, 1)
        away = np.sqrt(
            (dx - along * way[0]) ** 2 + (dy - along * way[1]) ** 2 + (dz - along * way[2]) ** 2
        )
        share = soft_step(np.float32(radii[piece]) - away, 0.3 * scanner.pixel_mm) * liver[box]
        hu[box] += share * (blood - hu[box])


def window(scanner: Scanner, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns whose pixel centres lie from low (x, y) to high (x, y), mm."""
    columns, rows = (
        slice(
            min(max(0, ceil((first - corner) / scanner.pixel_mm)), FIELD),
            min(max(0, floor((last - corner) / scanner.pixel_mm) + 1), FIELD),
        )
        for first, last, corner in zip(low, high, scanner.corner_mm, strict=True)
    )
    return rows, columns


def noise_amplitude(scanner: Scanner) -> np.ndarray:
    """Return the factor on the spectrum of white noise that makes the patient's noise.

    A ramp times the kernel (the shape of filtered back-projection), with the standard
    deviation noise_hu, plus the slow mottle.
    """
    fy = np.fft.fftfreq(FIELD, scanner.pixel_mm)[:, None].astype(np.float32)
    fx = np.fft.rfftfreq(FIELD, scanner.pixel_mm)[None, :].astype(np.float32)
    squared = fx**2 + fy**2
    ramp = np.sqrt(squared) * np.exp(-((2 * np.pi * scanner.kernel_mm) ** 2) * squared)
    slow = np.exp(-((2 * np.pi * MOTTLE_MM) ** 2) * squared)
    # Columns of positive frequency stand for their mirror images too.
    weight = np.full(fx.shape, 2.0, np.float32)
    weight[0, [0, -1]] = 1
    pixels = FIELD**2
    ramp *= scanner.noise_hu**2 * pixels / np.sum(weight * ramp)
    slow *= MOTTLE_HU**2 * pixels / np.sum(weight * slow)
    return np.sqrt(ramp + slow)


def scan(
    hu: np.ndarray, scanner: Scanner, amplitude: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return hu as the scanner shows it: blurred by the kernel, noisy, in whole HU."""
    from scipy.fft import irfft2, rfft2
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(hu, scanner.kernel_mm / scanner.pixel_mm, mode="nearest", truncate=3)
    white = rng.standard_normal(hu.shape, np.float32)
    return np.rint(blurred + irfft2(rfft2(white) * amplitude, hu.shape))


def _cover(image: np.ndarray, organ: Ellipsoid, value: float, scanner: Scanner, z: float) -> None:
    """Blend the value into the image where the organ's section with the plane z lies."""
    if abs(z - organ.centre[2]) >= organ.axes[2]:
        return
    middle, reach = np.array(organ.centre[:2]), np.array(organ.axes[:2]) + 1
    box = window(scanner, middle - reach, middle + reach)
    depth = organ.depth(scanner.x[None, box[1]], scanner.y[box[0], None], z)
    image[box] += np.clip(0.5 + depth, 0, 1) * (value - image[box])
