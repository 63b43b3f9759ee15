"""The resampler: a turned, mirrored and shifted square of a picture to a small image.

Pixel centres lie at whole numbers: an image of width w spans [-0.5, w - 0.5].
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np


@dataclass(frozen=True)
class Square:
    """A square cut-out of a picture, rotated, mirrored and shifted about its centre.

    `x`, `y` and `side` are in native pixels; `angle` is in degrees, by which the ROI's content
    turns counter-clockwise; a translation is along the square's own rotated axes.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    flip_x: bool = False
    flip_y: bool = False
    translate_x: float = 0.0
    translate_y: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """Return the 2x3 affine map from pixels of a size x size ROI to native pixels."""
        radians = math.radians(self.angle)
        cos, sin, scale = math.cos(radians), math.sin(radians), self.side / size
        mirror_x, mirror_y = (-1.0 if flipped else 1.0 for flipped in (self.flip_x, self.flip_y))
        a, b = cos * mirror_x * scale, -sin * mirror_y * scale
        c, d = sin * mirror_x * scale, cos * mirror_y * scale
        x = self.x + cos * self.translate_x - sin * self.translate_y
        y = self.y + sin * self.translate_x + cos * self.translate_y
        middle = (size - 1) / 2
        return np.array([[a, b, x - (a + b) * middle], [c, d, y - (c + d) * middle]])


def cut(pixels: np.ndarray, square: Square, size: int) -> np.ndarray:
    """Return the square of a picture, resampled once to size x size, bicubic.

    Where the square shrinks, the picture is smoothed first against aliasing, with the Gaussian
    of scikit-image's `resize`: sigma = (factor - 1) / 2 native pixels. Outside the picture its
    nearest value goes on.

    Args:
        pixels: float32 [h, w] in [0, 1].
        square: the cut-out, in the coordinates of `pixels`.
        size: side of the result in pixels.

    Returns:
        float32 [size, size] in [0, 1].
    """
    return cut_all(pixels, [square], size)[0]


def cut_all(pixels: np.ndarray, squares: Sequence[Square], size: int) -> np.ndarray:
    """Return squares of one picture as `cut` gives them, float32 [n, size, size]."""
    cv2 = _opencv()
    images = np.empty((len(squares), size, size), np.float32)
    uses = Counter(square.side for square in squares)
    smoothed: dict[float, np.ndarray] = {}
    for image, square in zip(images, squares, strict=True):
        source = smoothed.get(square.side)
        if source is None:
            source = _smoothed(pixels, square.side / size)
            if uses[square.side] > 1:  # most variants of a lesion have its base square's side
                smoothed[square.side] = source
        cv2.warpAffine(
            source,
            square.matrix(size),
            (size, size),
            dst=image,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return np.clip(images, 0, 1, out=images)  # bicubic interpolation overshoots at edges


def _smoothed(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Return a picture that may be shrunk by a factor without aliasing."""
    if factor <= 1:
        return pixels
    sigma, cv2 = (factor - 1) / 2, _opencv()
    return cv2.GaussianBlur(pixels, (0, 0), sigmaX=sigma, borderType=cv2.BORDER_REPLICATE)


def _opencv() -> ModuleType:
    """Return OpenCV: where images are cut on a GPU, it need not be there."""
    import cv2

    cv2.setNumThreads(1)
    return cv2


def outside_pixels(squares: Sequence[Square], size: int, shape: tuple[int, int]) -> np.ndarray:
    """Return how many pixels of each ROI lie outside a picture of this (height, width): [n]."""
    maps = np.stack([square.matrix(size).T for square in squares])
    corners = np.array([[0, 0, 1], [0, size - 1, 1], [size - 1, 0, 1], [size - 1, size - 1, 1]])
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    points = np.stack([column.ravel(), row.ravel(), np.ones(size * size)], axis=1)
    counts = np.zeros(len(squares), np.int64)
    # Where the corners lie within, all does.
    for index in np.flatnonzero(_outside(corners @ maps, shape).any(axis=1)):
        counts[index] = _outside(points @ maps[index], shape).sum()
    return counts


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which of the points (x, y) [..., 2] lie outside."""
    height, width = shape
    x, y = points[..., 0], points[..., 1]
    return (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
