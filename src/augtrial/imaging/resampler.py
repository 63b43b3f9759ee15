"""The resampler: a rotated, mirrored and shifted square of a picture to a small image.

Pixel centres lie at whole numbers: an image of width w covers [-0.5, w - 0.5].
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np


@dataclass(frozen=True)
class CropFrame:
    """The square that is cut out of a picture: rotated, mirrored and shifted about its centre.

    `x`, `y` (the centre) and `side` are in native pixels. `angle` is in degrees; the image content
    turns counter-clockwise by it. Translations are along the axes of the rotated frame.
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


def resample(pixels: np.ndarray, frame: CropFrame, size: int) -> np.ndarray:
    """Return the content of a frame, resampled once to size x size by bicubic interpolation.

    If the frame is larger than the result, the picture is smoothed first against aliasing, with
    the Gaussian of scikit-image's `resize`: sigma = (factor - 1) / 2 native pixels. Outside the
    picture the nearest edge pixel is repeated. `pixels` are float32 [h, w] in [0, 1], the result
    is float32 [size, size] in [0, 1].
    """
    return resample_all(pixels, [frame], size)[0]


def resample_all(pixels: np.ndarray, frames: Sequence[CropFrame], size: int) -> np.ndarray:
    """Return several frames of one picture, each as `resample` does: float32 [n, size, size]."""
    cv2 = _opencv()
    method = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    images = np.empty((len(frames), size, size), np.float32)
    uses = Counter(frame.side for frame in frames)
    smoothed: dict[float, np.ndarray] = {}
    for image, frame in zip(images, frames, strict=True):
        source = smoothed.get(frame.side)
        if source is None:
            source = _smooth(pixels, frame.side / size)
            if uses[frame.side] > 1:  # most variants of a lesion have the side of its base frame
                smoothed[frame.side] = source
        matrix, shape = frame.matrix(size), (size, size)
        cv2.warpAffine(source, matrix, shape, image, method, cv2.BORDER_REPLICATE)
    return np.clip(images, 0, 1, out=images)  # bicubic interpolation overshoots at edges


def _smooth(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Return a picture that can be reduced by a factor without aliasing."""
    if factor <= 1:
        return pixels
    sigma, cv2 = (factor - 1) / 2, _opencv()
    return cv2.GaussianBlur(pixels, (0, 0), sigmaX=sigma, borderType=cv2.BORDER_REPLICATE)


def _opencv() -> ModuleType:
    """Import OpenCV when it is first needed: a machine that resamples on a GPU may not have it."""
    import cv2

    cv2.setNumThreads(1)
    return cv2


def outside_pixels(frames: Sequence[CropFrame], size: int, shape: tuple[int, int]) -> np.ndarray:
    """Return how many pixels of each ROI lie outside a picture of this (height, width): [n]."""
    maps = np.stack([frame.matrix(size).T for frame in frames])
    corners = np.array([[0, 0, 1], [0, size - 1, 1], [size - 1, 0, 1], [size - 1, size - 1, 1]])
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    points = np.stack([column.ravel(), row.ravel(), np.ones(size * size)], axis=1)
    counts = np.zeros(len(frames), np.int64)
    # A frame whose four corners are inside is inside as a whole.
    for index in np.flatnonzero(_are_outside(corners @ maps, shape).any(axis=1)):
        counts[index] = _are_outside(points @ maps[index], shape).sum()
    return counts


def _are_outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which points (x, y) [..., 2] lie outside a picture of this (height, width)."""
    height, width = shape
    x, y = points[..., 0], points[..., 1]
    return (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
