"""The resampler on a device: crops of many pictures at once, for variants that are not stored.

Affine maps, smoothing and interpolation are those of `resampler`. Images differ only by the
rounding of floats: by at most one of 256 grey levels in 999 of 1,000 pixels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from augtrial.imaging.context import Context


class Pictures:
    """The surroundings of lesions, stored one after the other on a device."""

    def __init__(
        self, contexts: Sequence[Context], size: int, *, margin: float, device: torch.device
    ) -> None:
        """Copy the pixels to the device, for resampled images of `size` x `size` pixels.

        `margin` is the largest one on each side of a base frame, as a share of the diameter.
        """
        widest = max(c.frame.side + 2 * margin * c.diameter for c in contexts) / size
        self.kernel_radius = 0 if widest <= 1 else int(_kernel_width((widest - 1) / 2)) // 2
        shapes = np.array([context.pixels.shape for context in contexts])
        self.size, self.side = size, int(shapes.max())
        flat = np.concatenate([context.pixels.ravel() for context in contexts])
        starts = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))[:-1]])
        self.pixels = torch.from_numpy(flat).to(device)
        self.starts, self.heights, self.widths = (
            torch.from_numpy(values.astype(np.int64)).to(device)
            for values in (starts, shapes[:, 0], shapes[:, 1])
        )

    def resample(self, lesions: Tensor, maps: Tensor) -> Tensor:
        """Return crops of the lesions' pictures as float32 [n, 1, size, size] in [0, 1].

        Values are rounded to the 256 grey levels of a stored image. `lesions` int64 [n] says which
        picture each crop is of; `maps` are float32 [n, 2, 3], from `CropFrame.matrix`.
        """
        count, offsets = len(lesions), torch.arange(self.side, device=self.pixels.device)
        # Each window starts at its picture's corner; beyond the picture the edge is repeated.
        rows = torch.minimum(offsets[None], self.heights[lesions, None] - 1)
        columns = torch.minimum(offsets[None], self.widths[lesions, None] - 1)
        row_starts = rows * self.widths[lesions, None] + self.starts[lesions, None]
        windows = self.pixels[row_starts[:, :, None] + columns[:, None, :]]
        if self.kernel_radius:
            windows = _smooth(windows, maps[:, :, 0].norm(dim=1), self.kernel_radius)
        line = torch.arange(self.size, dtype=torch.float32, device=maps.device)
        row, column = torch.meshgrid(line, line, indexing="ij")
        points = torch.stack([column.ravel(), row.ravel(), torch.ones_like(row).ravel()])
        native = (maps @ points).transpose(1, 2).reshape(count, self.size, self.size, 2)
        grid, edge = native * (2 / (self.side - 1)) - 1, "border"
        images = F.grid_sample(windows[:, None], grid, "bicubic", edge, align_corners=True)
        return (images.clamp(0, 1) * 255).round() / 255


def _kernel_width(sigma: Tensor | float) -> Tensor | float:
    """Return the width of OpenCV's Gaussian kernel for float pictures: 8 sigma, odd."""
    return 2 * ((8 * sigma + 1 + 0.5) // 2) + 1


def _smooth(windows: Tensor, factors: Tensor, radius: int) -> Tensor:
    """Return windows [n, h, w] that can be reduced by these factors [n] without aliasing."""
    sigma = ((factors - 1) / 2).clamp(min=1e-3)[:, None]  # such a small sigma smooths nothing
    offsets = torch.arange(-radius, radius + 1, device=windows.device)[None]
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights = weights * (2 * offsets.abs() < _kernel_width(sigma))
    weights = weights / weights.sum(dim=1, keepdim=True)
    count = len(windows)
    padded = F.pad(windows[None], (radius, radius, radius, radius), mode="replicate")
    horizontal = F.conv2d(padded, weights.view(count, 1, 1, -1), groups=count)
    return F.conv2d(horizontal, weights.view(count, 1, -1, 1), groups=count)[0]
