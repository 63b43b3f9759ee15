"""The resampler on a device: squares of many pictures at once, where variants are not stored.

Maps, smoothing and interpolation are those of `resampler`; images differ by the rounding of floats,
which is at most one of 256 grey levels in 999 of 1,000 pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from augtrial.roi import Context


class Pictures:
    """Lesions' surroundings on a device, one after the other, to be cut there."""

    def __init__(
        self, contexts: Sequence[Context], size: int, *, margin: float, device: torch.device
    ) -> None:
        """Carry the pixels over.

        Args:
            contexts: the lesions' surroundings.
            size: side of the images that are cut.
            margin: what the widest square has on each side more than the base square, as a share
                of the lesion's diameter.
            device: where to.
        """
        widest = max(c.square.side + 2 * margin * c.diameter for c in contexts) / size
        self.reach = 0 if widest <= 1 else int(_width((widest - 1) / 2)) // 2
        shapes = np.array([context.pixels.shape for context in contexts])
        self.size, self.side = size, int(shapes.max())
        flat = np.concatenate([context.pixels.ravel() for context in contexts])
        begins = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))[:-1]])
        self.pixels = torch.from_numpy(flat).to(device)
        self.begins, self.heights, self.widths = (
            torch.from_numpy(values.astype(np.int64)).to(device)
            for values in (begins, shapes[:, 0], shapes[:, 1])
        )

    def cut(self, lesions: Tensor, maps: Tensor) -> Tensor:
        """Return squares of the lesions' pictures as float32 [n, 1, size, size] in [0, 1].

        They are rounded to the 256 values of a stored image.

        Args:
            lesions: which picture, int64 [n].
            maps: float32 [n, 2, 3], as `Square.matrix` gives them.
        """
        count, ahead = len(lesions), torch.arange(self.side, device=self.pixels.device)
        # A window from each picture's corner; outside the picture its nearest value goes on.
        rows = torch.minimum(ahead[None], self.heights[lesions, None] - 1)
        columns = torch.minimum(ahead[None], self.widths[lesions, None] - 1)
        places = rows * self.widths[lesions, None] + self.begins[lesions, None]
        windows = self.pixels[places[:, :, None] + columns[:, None, :]]
        if self.reach:
            windows = _smoothed(windows, maps[:, :, 0].norm(dim=1), self.reach)
        line = torch.arange(self.size, dtype=torch.float32, device=maps.device)
        row, column = torch.meshgrid(line, line, indexing="ij")
        points = torch.stack([column.ravel(), row.ravel(), torch.ones_like(row).ravel()])
        native = (maps @ points).transpose(1, 2).reshape(count, self.size, self.size, 2)
        images = F.grid_sample(
            windows[:, None],
            native * (2 / (self.side - 1)) - 1,
            mode="bicubic",
            padding_mode="border",
            align_corners=True,
        )
        return (images.clamp(0, 1) * 255).round() / 255


def _width(sigma: Tensor | float) -> Tensor | float:
    """Return the width of OpenCV's Gaussian kernel of float pictures: 8 sigma, odd."""
    return 2 * ((8 * sigma + 1 + 0.5) // 2) + 1


def _smoothed(windows: Tensor, factors: Tensor, reach: int) -> Tensor:
    """Return windows [n, h, w] that may be shrunk by these factors without aliasing."""
    sigma = ((factors - 1) / 2).clamp(min=1e-3)[:, None]  # so small a sigma smooths nothing
    offsets = torch.arange(-reach, reach + 1, device=windows.device)[None]
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights = weights * (2 * offsets.abs() < _width(sigma))
    weights = weights / weights.sum(dim=1, keepdim=True)
    count = len(windows)
    padded = F.pad(windows[None], (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, weights.view(count, 1, 1, -1), groups=count)
    return F.conv2d(across, weights.view(count, 1, -1, 1), groups=count)[0]
