"""The patient around the phantom's lesions: scanner, organs, vessels and noise.

Coordinates are mm from the middle of the right liver lobe: x to the patient's left, y to the
back, z to the head.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from augtrial.cohort.phantom.lesions import LIVER_HU, soft_step

# ---- Frozen constants of the patients; they do not depend on the classes of the lesions ----
# Liver, noise, pixel and slice thickness: this project's protocol. The rest was chosen.
FIELD = 320  # pixels per side
PIXEL_MM = (0.6, 0.9)
THICKNESS_MM = {1.25: 0.15, 2.5: 0.3, 3.0: 0.25, 5.0: 0.3}  # thickness: share of scans
NOISE_HU = (10.0, 15.0)  # of 8-15 in practice: the noisier scans
KERNEL_MM = (0.5, 0.8)  # sigma of the blur of everything sharp
MOTTLE_HU, MOTTLE_MM = 3.0, 4.0  # smooth variation of the tissue, and its sigma
VESSEL_HU = (35.0, 65.0)  # above the liver
BRANCHINGS = 5  # generations of vessels
SHIFT_MM = 10.0  # largest shift of the field against the liver
# -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scanner:
    """How one patient was scanned, and the HU of the liver and its vessels."""

    pixel_mm: float
    thickness_mm: float
    noise_hu: float
    kernel_mm: float
    liver_hu: float
    vessel_hu: float
    corner_mm: tuple[float, float]  # centre (x, y) of the first pixel

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
        """Heights of the planes that are averaged to one slice, mm from its middle."""
        count = int(np.ceil(self.thickness_mm / 1.7))
        return self.thickness_mm * ((np.arange(count) + 0.5) / count - 0.5)


@dataclass(frozen=True)
class Ellipsoid:
    """An organ with one HU."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    hu: float

    def depth(self, x: np.ndarray, y: np.ndarray, z: float | np.ndarray) -> np.ndarray:
        """Return the approximate depth of a point under the surface in mm (outside negative)."""
        offsets = zip((x, y, z), self.centre, self.axes, strict=True)
        terms = [((position - middle) / axis) ** 2 for position, middle, axis in offsets]
        return (1 - np.sqrt(terms[0] + terms[1] + terms[2])) * min(self.axes)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """One patient's organs (a later one covers earlier ones), liver lobes and liver vessels."""

    organs: list[Ellipsoid]
    lobes: list[Ellipsoid]
    vessels: np.ndarray  # start (x, y, z), end (x, y, z) and radius of each, [segments, 7]

    def liver_depth(self, points: np.ndarray) -> np.ndarray:
        """Return the depth in mm under the liver's surface, for points [..., 3]."""
        x, y, z = np.moveaxis(points, -1, 0)
        return np.max([lobe.depth(x, y, z) for lobe in self.lobes], axis=0)


def draw_scanner(rng: np.random.Generator) -> Scanner:
    """Draw a scanner and a liver, independently of the patient's lesions."""
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
    """Draw a body, the organs around the liver, and the liver's vessel trees."""
    size = rng.uniform(0.95, 1.1)
    fat, wall = rng.uniform(8, 25), rng.uniform(9, 14)
    blood = scanner.liver_hu + scanner.vessel_hu
    inner = np.array([175.0, 125.0]) * size  # half axes of the abdomen inside its wall
    body_middle = (90.0 * size, 10.0, 0.0)

    def shell(thickness: float, hu: float) -> Ellipsoid:
        return Ellipsoid(body_middle, (inner[0] + thickness, inner[1] + thickness, 1e4), hu)

    def organ(centre: tuple, axes: tuple, hu: float) -> Ellipsoid:
        moved = tuple(size * np.array(centre) + rng.uniform(-5, 5, 3))
        return Ellipsoid(moved, tuple(size * np.array(axes) * rng.uniform(0.92, 1.08, 3)), hu)

    ribs = []
    for angle in np.arange(1.8, 4.9, 0.35) + rng.uniform(0, 0.35):
        edge = (inner + wall / 2) * (np.cos(angle), np.sin(angle)) + body_middle[:2]
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
    portal = _branches(rng, np.array([45.0, 8, -5]), np.array([-1.0, -0.1, 0.1]), 34, 6.5)
    veins = [
        _branches(rng, np.array([45.0, 30, 40]), np.array(direction), 32, 5)
        for direction in ([-1.0, -0.1, -0.5], [-0.5, -0.9, -0.4])
    ]
    return Anatomy(organs, lobes, np.array([*portal, *veins[0], *veins[1]]))


def _branches(
    rng: np.random.Generator,
    start: np.ndarray,
    direction: np.ndarray,
    length: float,
    radius: float,
    generations: int = BRANCHINGS,
) -> list:
    """Return a tree of straight segments, each of which forks into two thinner and shorter ones."""
    direction = direction / np.sqrt(direction @ direction)
    end = start + length * direction
    segments = [(*start, *end, radius)]
    if generations > 1:
        for turn in rng.normal(0, 0.6, (2, 3)):
            smaller = (length * rng.uniform(0.65, 0.9), radius * 0.7, generations - 1)
            segments += _branches(rng, end, direction + turn, *smaller)
    return segments


def paint_organs(anatomy: Anatomy, scanner: Scanner, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the plane z in HU without vessels and lesions, and the liver's share of each pixel."""
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
    """Draw the vessel segments that meet the plane z into `hu`, inside the liver only."""
    starts, ends, radii = anatomy.vessels[:, :3], anatomy.vessels[:, 3:6], anatomy.vessels[:, 6]
    low, high = np.minimum(starts, ends), np.maximum(starts, ends)
    meets = (low[:, 2] - radii < z) & (z < high[:, 2] + radii)
    blood = np.float32(scanner.liver_hu + scanner.vessel_hu)
    for index in np.flatnonzero(meets):
        reach = radii[index] + 1
        box = window(scanner, low[index, :2] - reach, high[index, :2] + reach)
        x, y = scanner.x[box[1]], scanner.y[box[0]]
        axis = (ends[index] - starts[index]).astype(np.float32)
        dx = (x - np.float32(starts[index, 0]))[None, :]
        dy = (y - np.float32(starts[index, 1]))[:, None]
        dz = np.float32(z - starts[index, 2])
        # The nearest point of the axis, from 0 at its start to 1 at its end.
        at = np.clip((dx * axis[0] + dy * axis[1] + dz * axis[2]) / (axis @ axis), 0, 1)
        offsets = dx - at * axis[0], dy - at * axis[1], dz - at * axis[2]
        distance = np.sqrt(offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2)
        share = soft_step(np.float32(radii[index]) - distance, 0.3 * scanner.pixel_mm) * liver[box]
        hu[box] += share * (blood - hu[box])


def window(scanner: Scanner, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns with pixel centres between `low` (x, y) and `high` (x, y), mm."""
    first = np.ceil((low - scanner.corner_mm) / scanner.pixel_mm)
    last = np.floor((high - scanner.corner_mm) / scanner.pixel_mm) + 1
    (left, top), (right, bottom) = np.clip([first, last], 0, FIELD).astype(int).tolist()
    return slice(top, bottom), slice(left, right)


def noise_amplitude(scanner: Scanner) -> np.ndarray:
    """Return the factor by which the spectrum of white noise becomes the patient's noise.

    It is a ramp times the kernel (the shape of filtered back-projection) with the standard
    deviation `noise_hu`, plus the smooth mottle.
    """
    fy = np.fft.fftfreq(FIELD, scanner.pixel_mm)[:, None].astype(np.float32)
    fx = np.fft.rfftfreq(FIELD, scanner.pixel_mm)[None, :].astype(np.float32)
    squared = fx**2 + fy**2
    ramp = np.sqrt(squared) * np.exp(-((2 * np.pi * scanner.kernel_mm) ** 2) * squared)
    slow = np.exp(-((2 * np.pi * MOTTLE_MM) ** 2) * squared)
    # Columns of positive frequency also represent their mirror images.
    weight = np.full(fx.shape, 2.0, np.float32)
    weight[0, [0, -1]] = 1
    pixels = FIELD**2
    ramp *= scanner.noise_hu**2 * pixels / np.sum(weight * ramp)
    slow *= MOTTLE_HU**2 * pixels / np.sum(weight * slow)
    return np.sqrt(ramp + slow)


def scan(
    hu: np.ndarray, scanner: Scanner, amplitude: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the scanner's image of `hu`: blurred by the kernel, noisy, in whole HU."""
    from scipy.fft import irfft2, rfft2
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(hu, scanner.kernel_mm / scanner.pixel_mm, mode="nearest", truncate=3)
    white = rng.standard_normal(hu.shape, np.float32)
    return np.rint(blurred + irfft2(rfft2(white) * amplitude, hu.shape))


def _cover(image: np.ndarray, organ: Ellipsoid, value: float, scanner: Scanner, z: float) -> None:
    """Blend the value into the image inside the organ's section with the plane z."""
    if abs(z - organ.centre[2]) >= organ.axes[2]:
        return
    middle, reach = np.array(organ.centre[:2]), np.array(organ.axes[:2]) + 1
    box = window(scanner, middle - reach, middle + reach)
    depth = organ.depth(scanner.x[None, box[1]], scanner.y[box[0], None], z)
    image[box] += np.clip(0.5 + depth, 0, 1) * (value - image[box])
