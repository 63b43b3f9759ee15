"""The one module that touches albumentations: the resampler, and transforms named by users.

Pixel centres lie at whole numbers: an image of width w spans [-0.5, w - 0.5].
"""

import inspect
import os
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # no look for updates at import
# albumentations imports torch where it can, two seconds a job, for tensors not asked for here.
_had_torch = "torch" in sys.modules
if not _had_torch:
    sys.modules["torch"] = None  # type: ignore[assignment]

import albumentations as A
import cv2
from albumentations.augmentations.geometric.functional import warp_affine

from augtrial.errors import UserError
from augtrial.spelling import hint

if not _had_torch:
    del sys.modules["torch"]
cv2.setNumThreads(1)


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
        """Return the 3x3 affine map from pixels of a size x size ROI to native pixels."""
        radians = np.deg2rad(self.angle)
        cos, sin = np.cos(radians), np.sin(radians)
        rotation = np.array([[cos, -sin], [sin, cos]])
        mirror = np.diag([-1.0 if self.flip_x else 1.0, -1.0 if self.flip_y else 1.0])
        linear = rotation @ mirror * (self.side / size)
        centre = np.array([self.x, self.y]) + rotation @ [self.translate_x, self.translate_y]
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = centre - linear @ [(size - 1) / 2, (size - 1) / 2]
        return matrix


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
    factor = square.side / size
    if factor > 1:
        pixels = cv2.GaussianBlur(
            pixels, (0, 0), sigmaX=(factor - 1) / 2, borderType=cv2.BORDER_REPLICATE
        )
    matrix = square.matrix(size)
    if np.allclose(matrix, np.eye(3)):  # albumentations would give back the whole picture
        matrix[0, 2] += 1e-4
    roi = warp_affine(
        pixels,
        matrix,
        interpolation=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        fill=0,
        border_mode=cv2.BORDER_REPLICATE,
        output_shape=(size, size),
    )
    return np.clip(roi, 0, 1)  # bicubic interpolation overshoots at edges


def outside_pixels(square: Square, size: int, shape: tuple[int, int]) -> int:
    """Return how many pixels of the ROI lie outside a picture of this (height, width)."""
    matrix = square.matrix(size)[:2]
    corners = np.array([[0, 0, 1], [0, size - 1, 1], [size - 1, 0, 1], [size - 1, size - 1, 1]])
    if not _outside(corners @ matrix.T, shape).any():
        return 0
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    points = np.stack([column.ravel(), row.ravel(), np.ones(size * size)], axis=1)
    return int(_outside(points @ matrix.T, shape).sum())


def _outside(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = shape
    x, y = points.T
    return (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)


def further(transforms: list[Any]) -> A.Compose:
    """Return a pipeline of albumentations transforms named in an arm.

    Args:
        transforms: names, or {name: arguments}.

    Raises:
        UserError: for every name that albumentations lacks (with the nearest that it has) and
            every argument that the transform refuses.
    """
    problems, built = [], []
    for entry in transforms:
        pairs = {entry: None} if isinstance(entry, str) else entry
        for name, arguments in pairs.items():
            try:
                built.append(_transform(name, arguments or {}))
            except UserError as error:
                problems += error.problems
    if problems:
        raise UserError(problems)
    return A.Compose(built)


def _transform(name: str, arguments: dict[str, Any]) -> A.BasicTransform:
    kind = getattr(A, name, None)
    if not (isinstance(kind, type) and issubclass(kind, A.BasicTransform)):
        known = [n for n in dir(A) if isinstance(getattr(A, n), type)]
        raise UserError(f"unknown albumentations transform '{name}'{hint(name, known)}")
    allowed = list(inspect.signature(kind.__init__).parameters)[1:]
    if wrong := [argument for argument in arguments if argument not in allowed]:
        raise UserError(f"transform {name}: unknown argument '{wrong[0]}'{hint(wrong[0], allowed)}")
    try:
        return kind(**arguments)
    except (ValueError, TypeError) as error:
        raise UserError(f"transform {name}: {' '.join(str(error).split())}") from None


def apply_further(pipeline: A.Compose, images: np.ndarray, seed: int) -> np.ndarray:
    """Return uint8 images [n, s, s], each put through the pipeline in turn from one seed."""
    pipeline.set_random_seed(seed % 2**32)
    return np.stack([pipeline(image=image[..., None])["image"][..., 0] for image in images])
