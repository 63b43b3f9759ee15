"""5x5 convolutions of stride 2 with a half or a third of their products, for the CPU.

A row of pixels and a filter are polynomials, and what a convolution makes of them their product,
which is known by its values at a few points: there it costs one multiplication a point (Toom and
Cook; Winograd 1980; for networks Lavin & Gray 2016, arXiv 1509.09308, section 4). The sums that
lead to the points and back are cheap, since all channels share them.

Of stride 2, a filter meets even pixels with its taps 0, 2, 4 and odd ones with 1 and 3: two
convolutions of stride 1. A tile of m x m outputs sees 2m + 3 pixels a side, known by as many
points: (2m + 3)^2 products for 25 m^2. Big maps have twice the side of small ones; a strided
convolution leads from big to small, its transpose back. Of finite numbers the results are the sums
as written, but for rounding: with m = 2 as oneDNN rounds, with m = 4 up to some fifteen times as
much, 2e-5 of the largest (`tests/test_layers.py`).
"""

import numpy as np
from numba import njit

from augtrial.compiled import loop
from augtrial.vectors import LANES, PANEL, ROWS, by_matrix, multiplier

KERNEL, BEFORE = 5, 2  # taps of a filter, and pixels that it sees before its own
AT_ONCE = 32  # tiles, a multiple of ROWS, whose numbers at the points then stay in the cache
LEAST_TILES = 64  # of 4 x 4; with fewer, bringing the filter to 121 points costs what it saves


def _minimal(outputs: int, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how inputs, filter and outputs are related to the points.

    The convolution y[i] = sum of w[k] x[i + k] is back @ ((filters @ w) * (inputs @ x)).

    Returns:
        inputs [points, points], filters [points, taps], back [outputs, points].
    """
    finite = [0, 1, -1, 2, -2][: outputs + taps - 2]  # the last point is at infinity
    inputs, filters = np.zeros((len(finite) + 1,) * 2), _powers(finite, taps)
    for row, point in enumerate(finite):
        others = [other for other in finite if other != point]
        inputs[row, :-1] = np.poly(others)[::-1]
        filters[row] /= np.prod([point - other for other in others])
    inputs[-1] = np.poly(finite)[::-1]
    return inputs, filters, _powers(finite, outputs).T


def _powers(finite: list[int], number: int) -> np.ndarray:
    """Return the powers of each point [points, number]; of infinity only the highest counts."""
    return np.vstack([np.vander(finite, number, increasing=True), np.eye(number)[-1:]])


def _strided(outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `_minimal` does for stride 2: even pixels and taps first, odd ones after them."""
    even, odd = _minimal(outputs, 3), _minimal(outputs, 2)
    points, first = 2 * outputs + 3, outputs + 2
    inputs, filters = np.zeros((points, points)), np.zeros((points, KERNEL))
    for own, rows, parity in ((even, slice(first), 0), (odd, slice(first, None), 1)):
        inputs[rows, parity::2], filters[rows, parity::2] = own[:2]
    return inputs, filters, np.hstack([even[2], odd[2]])


MATRICES = {outputs: _strided(outputs) for outputs in (2, 4)}


def tile_of(images: int, height: int, width: int) -> int:
    """Return how many pixels a tile had best have, a side, of so many small maps of this size."""
    large = not (height % 4 or width % 4) and images * height * width // 16 >= LEAST_TILES
    return 4 if large else 2


def _of_tile(which: int, *, back: bool = False):
    """Return a compiled apply(tile, ...): one of a tile's MATRICES, or its transpose, by_matrix."""
    two, four = (by_matrix(own[which].T if back else own[which]) for own in MATRICES.values())

    @njit
    def apply(tile, source, at, step, target, to, stride):
        if tile == 4:
            four(source, at, step, target, to, stride)
        else:
            two(source, at, step, target, to, stride)

    return apply


_inputs, _filters, _outputs = (_of_tile(which) for which in range(3))
_inputs_back, _filters_back, _outputs_back = (_of_tile(which, back=True) for which in range(3))
_multiply, _multiply_and_add = multiplier(adds=False), multiplier(adds=True)


@njit
def _room_of_filters(tile, after, before):
    """Return room for filters at the points: [points, panels, before, PANEL], and a bit.

    All points would else share few places in the cache: their distance is often a power of two.
    """
    panels = (after + PANEL - 1) // PANEL
    return np.empty(((2 * tile + 3) ** 2, panels * before * PANEL + PANEL), np.float32)


@njit
def _filters_at_points(weight, tile):
    """Return filters [after, 5, 5, before] at the points; zeros fill the last panel."""
    after, before = weight.shape[0], weight.shape[3]
    points, side, line = _room_of_filters(tile, after, before), 2 * tile + 3, KERNEL * LANES
    taps, half = np.empty(KERNEL * line, np.float32), np.empty(side * line, np.float32)
    every = points.shape[1]
    if after % PANEL:
        points[:] = 0
    for first in range(0, after, LANES):
        for channel in range(before):
            for a in range(KERNEL):
                for b in range(KERNEL):
                    for lane in range(LANES):
                        taps[a * line + b * LANES + lane] = weight[first + lane, a, b, channel]
            for b in range(0, line, LANES):
                _filters(tile, taps, b, line, half, b, line)
            to = (first // PANEL * before + channel) * PANEL + first % PANEL
            for a in range(side):
                _filters(tile, half, a * line, LANES, points, a * side * every + to, every)
    return points


@njit
def _filters_from_points(points, weight, tile):
    after, before = weight.shape[0], weight.shape[3]
    side, line, every = 2 * tile + 3, KERNEL * LANES, points.shape[1]
    taps, half = np.empty(KERNEL * line, np.float32), np.empty(side * line, np.float32)
    for first in range(0, after, LANES):
        for channel in range(before):
            at = (first // PANEL * before + channel) * PANEL + first % PANEL
            for a in range(side):
                _filters_back(tile, points, a * side * every + at, every, half, a * line, LANES)
            for b in range(0, line, LANES):
                _filters_back(tile, half, b, line, taps, b, line)
            for a in range(KERNEL):
                for b in range(KERNEL):
                    for lane in range(LANES):
                        weight[first + lane, a, b, channel] = taps[a * line + b * LANES + lane]


@njit
def _room(tile, channels):
    """Return room for tiles at the points: [points, panels, AT_ONCE, PANEL], and a bit.

    What no tile or channel fills is rubbish; products of it are made, and never read.
    """
    panels = (channels + PANEL - 1) // PANEL
    return np.empty(((2 * tile + 3) ** 2, panels * AT_ONCE * PANEL + PANEL), np.float32)


@njit
def _big_to_points(big, first, points, tile):
    images, height, width, channels = big.shape
    rows, columns, side = height // (2 * tile), width // (2 * tile), 2 * tile + 3
    pixels, step, line, below = big.reshape(-1), points.shape[1], side * LANES, width * channels
    patch, half = np.empty(side * line, np.float32), np.empty(side * line, np.float32)
    count = min(AT_ONCE, images * rows * columns - first)
    for number in range(count):
        image, place = divmod(first + number, rows * columns)
        top, left = place // columns * 2 * tile - BEFORE, place % columns * 2 * tile - BEFORE
        above, under = max(0, -top), min(side, height - top)
        before, behind = max(0, -left), min(side, width - left)
        corner = ((image * height + top) * width + left) * channels
        if above > 0 or under < side or before > 0 or behind < side:
            patch[:] = 0
        for channel in range(0, channels, LANES):
            if above == 0 and under == side and before == 0 and behind == side:
                for b in range(side):
                    at = corner + b * channels + channel
                    _inputs(tile, big, at, below, half, b * LANES, line)
            else:
                for a in range(above, under):
                    for b in range(before, behind):
                        at, own = corner + a * below + b * channels + channel, a * line + b * LANES
                        for lane in range(LANES):
                            patch[own + lane] = pixels[at + lane]
                for b in range(0, line, LANES):
                    _inputs(tile, patch, b, line, half, b, line)
            to = (channel // PANEL * AT_ONCE + number) * PANEL + channel % PANEL
            for a in range(side):
                _inputs(tile, half, a * line, LANES, points, a * side * step + to, step)
    return count


@njit
def _points_to_big(points, big, first, tile):
    images, height, width, channels = big.shape
    rows, columns, side = height // (2 * tile), width // (2 * tile), 2 * tile + 3
    pixels, step, line, below = big.reshape(-1), points.shape[1], side * LANES, width * channels
    patch, half = np.empty(side * line, np.float32), np.empty(side * line, np.float32)
    for number in range(min(AT_ONCE, images * rows * columns - first)):
        image, place = divmod(first + number, rows * columns)
        top, left = place // columns * 2 * tile - BEFORE, place % columns * 2 * tile - BEFORE
        above, under = max(0, -top), min(side, height - top)
        before, behind = max(0, -left), min(side, width - left)
        corner = ((image * height + top) * width + left) * channels
        for channel in range(0, channels, LANES):
            at = (channel // PANEL * AT_ONCE + number) * PANEL + channel % PANEL
            for a in range(side):
                _inputs_back(tile, points, a * side * step + at, step, half, a * line, LANES)
            for b in range(before * LANES, behind * LANES, LANES):
                _inputs_back(tile, half, b, line, patch, b, line)
            for a in range(above, under):  # tiles overlap
                for b in range(before, behind):
                    to, own = corner + a * below + b * channels + channel, a * line + b * LANES
                    for lane in range(LANES):
                        pixels[to + lane] += patch[own + lane]


@njit
def _small_to_points(small, first, points, tile):
    images, height, width, channels = small.shape
    rows, columns, side = height // tile, width // tile, 2 * tile + 3
    step, line, below = points.shape[1], tile * LANES, width * channels
    half = np.empty(side * line, np.float32)
    count = min(AT_ONCE, images * rows * columns - first)
    for number in range(count):
        image, place = divmod(first + number, rows * columns)
        pixel = (image * height + place // columns * tile) * width + place % columns * tile
        for channel in range(0, channels, LANES):
            for b in range(tile):
                at = (pixel + b) * channels + channel
                _outputs_back(tile, small, at, below, half, b * LANES, line)
            to = (channel // PANEL * AT_ONCE + number) * PANEL + channel % PANEL
            for a in range(side):
                _outputs_back(tile, half, a * line, LANES, points, a * side * step + to, step)
    return count


@njit
def _points_to_small(points, small, first, tile):
    images, height, width, channels = small.shape
    rows, columns, side = height // tile, width // tile, 2 * tile + 3
    step, line, below = points.shape[1], tile * LANES, width * channels
    half = np.empty(side * line, np.float32)
    for number in range(min(AT_ONCE, images * rows * columns - first)):
        image, place = divmod(first + number, rows * columns)
        pixel = (image * height + place // columns * tile) * width + place % columns * tile
        for channel in range(0, channels, LANES):
            at = (channel // PANEL * AT_ONCE + number) * PANEL + channel % PANEL
            for a in range(side):
                _outputs(tile, points, a * side * step + at, step, half, a * line, LANES)
            for b in range(tile):
                to = (pixel + b) * channels + channel
                _outputs(tile, half, b * LANES, line, small, to, below)


@njit
def _products(seen, filters, made, count, channels):
    """Bring tiles of so many channels, at the points, through the filters."""
    panels, row = (filters.shape[1] - PANEL) // (channels * PANEL), AT_ONCE * PANEL
    parts, number = (channels + PANEL - 1) // PANEL, min(channels, PANEL)
    for point in range(len(filters)):
        for panel in range(panels):
            begin = point * filters.shape[1] + panel * channels * PANEL
            for tile in range(0, count, ROWS):
                at = point * seen.shape[1] + tile * PANEL
                to = point * made.shape[1] + panel * row + tile * PANEL
                _multiply(seen, at, PANEL, row, parts, 1, number, filters, begin, made, to)


@loop
def halve(big, weight, small, tile):
    """Write the convolution of stride 2 of maps [n, 2h, 2w, b] into small maps [n, h, w, s].

    Weights are [s, 5, 5, b]; h and w are multiples of the tile's side, b and s are 8 or multiples
    of 16. All arrays are float32, and maps lie in the order of their axes. Nothing checks this.
    """
    filters = _filters_at_points(weight, tile)
    seen, made = _room(tile, big.shape[3]), _room(tile, small.shape[3])
    for first in range(0, small.size // (small.shape[3] * tile**2), AT_ONCE):
        count = _big_to_points(big, first, seen, tile)
        _products(seen, filters, made, count, big.shape[3])
        _points_to_small(made, small, first, tile)


@loop
def double(small, weight, big, tile):
    """Add the transpose of `halve` of small maps, with weights [b, 5, 5, s], to big maps."""
    filters = _filters_at_points(weight, tile)
    seen, made = _room(tile, small.shape[3]), _room(tile, big.shape[3])
    for first in range(0, small.size // (small.shape[3] * tile**2), AT_ONCE):
        count = _small_to_points(small, first, seen, tile)
        _products(seen, filters, made, count, small.shape[3])
        _points_to_big(made, big, first, tile)


@loop
def correlate(big, small, weight, tile):
    """Write what big maps and the gradient of small ones say of `halve`'s weights [s, 5, 5, b]."""
    channels, panels = big.shape[3], (small.shape[3] + PANEL - 1) // PANEL
    filters = _room_of_filters(tile, small.shape[3], channels)
    filters[:] = 0
    seen, passed = _room(tile, channels), _room(tile, small.shape[3])
    for first in range(0, small.size // (small.shape[3] * tile**2), AT_ONCE):
        _big_to_points(big, first, seen, tile)
        count = _small_to_points(small, first, passed, tile)
        for point in range(len(filters)):
            for panel in range(panels):
                begin = point * passed.shape[1] + panel * AT_ONCE * PANEL
                for channel in range(0, channels, ROWS):
                    place = channel // PANEL * AT_ONCE * PANEL + channel % PANEL
                    at = point * seen.shape[1] + place
                    to = point * filters.shape[1] + (panel * channels + channel) * PANEL
                    _multiply_and_add(seen, at, 1, 0, 1, PANEL, count, passed, begin, filters, to)
    _filters_from_points(filters, weight, tile)
