"""One lesion of the phantom: a solid in space, described by formulas in mm and HU.

A lesion can be drawn on any plane, so that a single slice equals the slice of a whole volume.
"""

from dataclasses import dataclass, field, replace

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Appearance:
    """The parameters of one class; a pair is the range of a uniform distribution unless stated."""

    diameter_mm: float  # median of the log-normal equivalent diameter of the largest slice
    contrast_hu: Range  # mean and standard deviation of lesion minus liver over patients
    edge_mm: Range  # sigma of the edge, without the scanner's kernel (variances add up)
    # Root mean square of the contour's deviation from a circle, as a share of the radius.
    lobes: Range = (0.04, 0.09)
    orders: tuple[int, int] = (2, 7)  # lowest and highest harmonic of the contour
    texture_hu: Range = (8, 22)  # standard deviation of the smooth texture inside
    rim_share: float = 0.0  # of the lesions have a rim, a dark centre, or both (a target)
    rim_hu: Range = (0.0, 0.0)  # rim minus core
    centre_hu: Range = (0.0, 0.0)  # dark centre minus core
    nodules: tuple[int, int] = (0, 0)  # smallest and largest number of peripheral nodules
    nodule_hu: Range = (0.0, 0.0)  # nodule minus liver
    nodule_size: Range = (0.0, 0.0)  # radius of a nodule as a share of the lesion's diameter
    flash_share: float = 0.0  # of the lesions are as bright as a nodule as a whole (flash-filled)
    enhances: bool = True  # whether the lesion's HU follows the liver's enhancement


# ---- Frozen constants of the lesions (docs/phantom.md describes how they were tuned, once) ----
# Liver and contrasts: Chen et al., Acad Radiol 2016;23:1221. Edges, rims in 60 %, 3-7 nodules,
# 10-15 % flash-filled, median diameters: this project's protocol. The other numbers (contours,
# texture, rim and nodule sizes) were chosen for the intended difficulty.
LIVER_HU = (113.0, 15.0)  # mean and standard deviation over patients
DIAMETER_LIMITS_MM = (10.0, 102.0)  # Frid-Adar et al. 2018, section 3.1
DIAMETER_LOG_SD = 0.5
APPEARANCES = {
    "cyst": Appearance(
        diameter_mm=18,
        contrast_hu=(-92, 26),
        edge_mm=(0.0, 0.1),
        lobes=(0.02, 0.05),
        orders=(2, 3),
        texture_hu=(0, 4),
        enhances=False,
    ),
    "metastasis": Appearance(
        diameter_mm=22,
        contrast_hu=(-42, 30),
        edge_mm=(1.4, 2.4),
        rim_share=0.6,
        rim_hu=(50, 110),
        centre_hu=(-45, -15),
    ),
    "hemangioma": Appearance(
        diameter_mm=28,
        contrast_hu=(-31, 52),
        edge_mm=(1.0, 2.4),
        nodules=(3, 7),
        nodule_hu=(59, 130),
        nodule_size=(0.045, 0.09),
        flash_share=0.125,
    ),
}
CONTRAST_LIMIT_SD = 2.0
RIM_DEPTH, RIM_WIDTH = 0.13, 0.05  # under the surface and sigma, as shares of the diameter
RIM_PATCHES = 0.6  # how strongly the texture interrupts the rim
NODULE_EDGE_MM = 1.0
NODULE_MIN_MM = 1.4  # radius
NODULE_FLATNESS = 1.3  # longer along the contour and thinner across it
NODULE_SPREAD = 0.7  # of the nodules' heights, as a share of the half height
NODULE_LENGTH = 0.2  # added to a nodule's half height, as a share of the lesion's
WAVES = 32
WAVELENGTH = (0.15, 0.6)  # of the texture, as a share of the diameter; not below 3 mm
# -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lesion:
    """One lesion: lengths in mm from its centre, HU relative to the liver around it."""

    label: str
    diameter_mm: float
    half_height: float
    contour: np.ndarray  # complex amplitudes of the harmonics, as shares of the mean radius
    orders: np.ndarray
    twist: np.ndarray  # of each harmonic along z, radians per mm: slices differ, not their areas
    core_hu: float
    edge_mm: float
    texture_hu: float
    waves: np.ndarray  # wave vector (x, y, z) and phase of the texture's cosines, [waves, 4]
    rim_hu: float
    centre_hu: float
    # Centre (x, y, z), radius, half height and HU of each nodule, [nodules, 6].
    nodules: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))

    @property
    def mean_radius(self) -> float:
        """Mean radius of the contour, for which its area is that of a circle of `diameter_mm`."""
        return self.diameter_mm / 2 / float(np.sqrt(1 + np.sum(np.abs(self.contour) ** 2) / 2))

    @property
    def reach(self) -> float:
        """Radius in mm of a sphere that contains the whole lesion."""
        return max(self.mean_radius * (1 + float(np.abs(self.contour).sum())), self.half_height)

    def radius(self, direction: np.ndarray, z: float) -> np.ndarray:
        """Return the contour's radius in mm, with the harmonics rotated as at height z.

        `direction` is e^(i angle), complex64 of any shape.
        """
        deviation = np.zeros(direction.shape, np.float32)
        power = direction
        amplitudes = self.contour * np.exp(1j * self.twist * z)
        for order in range(1, int(self.orders[-1]) + 1):
            if order >= self.orders[0]:
                deviation += (power * np.complex64(amplitudes[order - self.orders[0]])).real
            power = power * direction
        return np.float32(self.mean_radius) * (1 + deviation)

    def depth(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """Return the depth under the surface in mm (outside negative) on the plane z, [y, x]."""
        point = (x[None, :] + 1j * y[:, None]).astype(np.complex64)
        distance = np.maximum(np.abs(point), np.float32(1e-3))
        radius = self.radius(point / distance, z)
        height = np.float32(z / self.half_height)
        return radius * (1 - np.hypot(distance / radius, height))

    def paint(self, x: np.ndarray, y: np.ndarray, z: float, pixel_mm: float) -> tuple:
        """Return the lesion's share of each pixel, and its HU relative to the liver: two [y, x]."""
        depth = self.depth(x, y, z)
        share = soft_step(depth, max(self.edge_mm, 0.3 * pixel_mm))
        size = self.diameter_mm
        texture = self._texture(x, y, z)
        hu = self.core_hu + self.texture_hu * texture
        if self.rim_hu:
            band = np.exp(-0.5 * ((depth - RIM_DEPTH * size) / max(RIM_WIDTH * size, 1.2)) ** 2)
            hu += self.rim_hu * band * np.clip(1 + RIM_PATCHES * texture, 0, 2)
        if self.centre_hu:
            hu += self.centre_hu * soft_step(depth - 0.27 * size, 0.06 * size)
        for *centre, radius, half_height, nodule_hu in self.nodules:
            outward = np.array(centre[:2], np.float32) / np.hypot(*centre[:2])
            dx, dy = x[None, :] - np.float32(centre[0]), y[:, None] - np.float32(centre[1])
            across, along = dx * outward[0] + dy * outward[1], dx * outward[1] - dy * outward[0]
            distance = np.hypot(across * NODULE_FLATNESS, along / NODULE_FLATNESS)
            distance = distance / np.float32(radius)
            inside = radius * (1 - np.hypot(distance, (z - centre[2]) / half_height))
            hu += soft_step(inside.astype(np.float32), NODULE_EDGE_MM) * (nodule_hu - hu)
        return share, hu

    def _texture(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        kx, ky, kz, phase = self.waves.T[:, :, None]
        across = np.exp(1j * kx * x).astype(np.complex64)
        down = np.exp(1j * (ky * y + kz * z + phase)).astype(np.complex64)
        return (down.T @ across).real * np.float32(np.sqrt(2 / len(self.waves)))


def draw_lesion(rng: np.random.Generator, label: str, liver_hu: float) -> Lesion:
    """Draw a lesion of this class for a patient whose liver has `liver_hu`."""
    appearance = APPEARANCES[label]
    diameter = appearance.diameter_mm * np.exp(rng.normal(0, DIAMETER_LOG_SD))
    diameter = float(np.clip(diameter, *DIAMETER_LIMITS_MM))
    orders = np.arange(appearance.orders[0], appearance.orders[1] + 1)
    half_height = diameter / 2 * rng.uniform(0.8, 1.1)
    nodule_hu = rng.uniform(*appearance.nodule_hu)
    flash = rng.random() < appearance.flash_share
    kind = "plain"
    if rng.random() < appearance.rim_share:
        kind = rng.choice(["rim", "centre", "target"])
    lesion = Lesion(
        label=label,
        diameter_mm=diameter,
        half_height=half_height,
        orders=orders,
        contour=_contour(rng, orders, rng.uniform(*appearance.lobes)),
        twist=rng.normal(0, 1 / half_height, len(orders)),
        core_hu=nodule_hu if flash else _contrast(rng, appearance, liver_hu),
        edge_mm=rng.uniform(*appearance.edge_mm),
        texture_hu=rng.uniform(*appearance.texture_hu),
        waves=_waves(rng, diameter),
        rim_hu=rng.uniform(*appearance.rim_hu) if kind in ("rim", "target") else 0.0,
        centre_hu=rng.uniform(*appearance.centre_hu) if kind in ("centre", "target") else 0.0,
    )
    return replace(lesion, nodules=_nodules(rng, lesion, appearance, nodule_hu))


def soft_step(depth: np.ndarray, sigma: float) -> np.ndarray:
    """Return the share in [0, 1] at a depth in mm under an edge that a Gaussian sigma has blurred.

    A logistic function replaces the normal distribution; they differ by less than 0.01.
    """
    return 0.5 + 0.5 * np.tanh(np.float32(0.851 / sigma) * depth)


def _contrast(rng: np.random.Generator, appearance: Appearance, liver_hu: float) -> float:
    """Draw lesion minus liver; a lesion that does not enhance has the same HU in any liver."""
    mean, sd = appearance.contrast_hu
    limited = np.clip(rng.normal(), -CONTRAST_LIMIT_SD, CONTRAST_LIMIT_SD)
    if appearance.enhances:
        return mean + sd * limited
    lesion_sd = np.sqrt(sd**2 - LIVER_HU[1] ** 2)
    return LIVER_HU[0] + mean + lesion_sd * limited - liver_hu


def _contour(rng: np.random.Generator, orders: np.ndarray, lobes: float) -> np.ndarray:
    amplitudes = (rng.normal(size=len(orders)) + 1j * rng.normal(size=len(orders))) / orders
    return amplitudes * lobes / np.sqrt(np.sum(np.abs(amplitudes) ** 2) / 2)


def _waves(rng: np.random.Generator, diameter: float) -> np.ndarray:
    length = np.maximum(diameter * rng.uniform(*WAVELENGTH, WAVES), 3.0)
    direction = rng.normal(size=(WAVES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    phase = rng.uniform(0, 2 * np.pi, (WAVES, 1))
    return np.hstack([2 * np.pi / length[:, None] * direction, phase])


def _nodules(
    rng: np.random.Generator, lesion: Lesion, appearance: Appearance, nodule_hu: float
) -> np.ndarray:
    """Draw nodules along the contour, apart from each other and near the middle slice."""
    count = int(rng.integers(appearance.nodules[0], appearance.nodules[1] + 1))
    turn = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / max(count, 1) + rng.random()
    direction = np.exp(2j * np.pi * turn)
    height = rng.uniform(-NODULE_SPREAD, NODULE_SPREAD, count)
    section = np.sqrt(1 - height**2)  # the lesion is narrower above and below its middle
    centre = 0.85 * section * lesion.radius(direction, 0.0) * direction
    radius = lesion.diameter_mm * rng.uniform(*appearance.nodule_size, count)
    radius = np.maximum(radius, NODULE_MIN_MM)
    hu = nodule_hu * rng.uniform(0.9, 1.1, count)
    half_height = radius + NODULE_LENGTH * lesion.half_height
    z = height * lesion.half_height
    return np.column_stack([centre.real, centre.imag, z, radius, half_height, hu])
