"""A lesion's surroundings: all that its ROI and its variants are made from, and their file.

It imports no reader of pictures, so that a training that draws variants does not depend on one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augtrial.config.cohort import ClassicSettings
from augtrial.core.io import write_arrays
from augtrial.imaging.resampler import CropFrame


@dataclass(frozen=True)
class Context:
    """A lesion's surroundings at native resolution, all that any variant may look at.

    `pixels` are float32 [h, w], windowed to [0, 1]; `region` bool [h, w] is the lesion (its mask,
    or the ellipse in its box); `frame` is the base ROI in their coordinates; `diameter` is in
    native pixels; `origin` (x, y) is where `pixels` begin in the full slice and `slice_shape`
    (height, width) is that slice's size.
    """

    pixels: np.ndarray
    region: np.ndarray
    frame: CropFrame
    diameter: float
    origin: tuple[int, int]
    slice_shape: tuple[int, int]

    def in_slice(self, frame: CropFrame) -> CropFrame:
        """Return a frame of this context in the coordinates of the full slice."""
        return replace(frame, x=frame.x + self.origin[0], y=frame.y + self.origin[1])


def largest_shift(diameter: float, classic: ClassicSettings) -> float:
    """Return p = min(4, 0.1 d), the largest translation in native pixels."""
    return min(classic.translation_pixels, classic.translation_share * diameter)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Return an image in [0, 1] as uint8, rounded."""
    scaled = image * 255
    return np.rint(scaled, out=scaled).astype(np.uint8)


def write_contexts(path: str | Path, contexts: Iterable[Context]) -> None:
    """Write the contexts of a part's lesions, in their order, as one .npz."""
    contexts = list(contexts)
    geometry = {
        "frame": np.array([(c.frame.x, c.frame.y, c.frame.side) for c in contexts]),
        "diameter": np.array([c.diameter for c in contexts]),
        "origin": np.array([c.origin for c in contexts]),
        "slice_shape": np.array([c.slice_shape for c in contexts]),
    }
    pixels = {f"pixels{index}": context.pixels for index, context in enumerate(contexts)}
    regions = {f"region{index}": context.region for index, context in enumerate(contexts)}
    write_arrays(path, **geometry, **pixels, **regions)


def read_contexts(path: str | Path) -> Iterator[Context]:
    """Yield the contexts of a part's lesions, one in memory at a time."""
    with np.load(path) as arrays:
        # Read once each: every access to the file reads a whole array again.
        names = ("frame", "diameter", "origin", "slice_shape")
        geometry = zip(*(arrays[name].tolist() for name in names), strict=True)
        for index, (frame, diameter, origin, shape) in enumerate(geometry):
            pixels, region = arrays[f"pixels{index}"], arrays[f"region{index}"]
            yield Context(pixels, region, CropFrame(*frame), diameter, tuple(origin), tuple(shape))
