"""Rows of small pictures with crisp pixels, one grey window, and room for words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from augtrial.figures.style import GREY, WIDE, WIDTH

SIDE = 256  # pixels of a cell: each ROI pixel becomes a block, so that no viewer smooths it
GAP = 10
EDGE, HEADING, UNDER, SPACE = 0.08, 0.32, 0.34, 0.05  # inches


@dataclass(frozen=True)
class Strip:
    """A row: uint8 images [s, s] of one size (None leaves a place empty), and its words.

    `heading` stands above the row, `left` beside it, `over` and `under` at each image.
    """

    images: Sequence[np.ndarray | None]
    heading: str = ""
    left: str = ""
    over: Sequence[str] = ()
    under: Sequence[str] = ()


def draw_strips(strips: Sequence[Strip], columns: int, *, left: float = 0.0) -> Figure:
    """Return a figure of rows, one above the other, with `left` inches beside them for words."""
    cell = min(1.0, (WIDE - 2 * EDGE - left) / max(columns, 1))
    heights = [
        HEADING * bool(strip.heading)
        + HEADING * bool(strip.over)
        + cell
        + UNDER * bool(strip.under)
        for strip in strips
    ]
    total = sum(heights) + SPACE * len(strips) + 2 * EDGE
    width = max(2 * EDGE + left + cell * columns, WIDTH / 2)
    figure = Figure(figsize=(width, total))
    top = total - EDGE
    for strip in strips:
        if strip.over:
            _place_words(figure, strip.over, cell, left, top - 0.24, 10.5)
            top -= HEADING
        if strip.heading:
            place = EDGE / width, (top - 0.24) / total
            figure.text(*place, strip.heading, fontsize=12, fontweight="bold")
            top -= HEADING
        middle = EDGE / width, (top - cell / 2) / total
        figure.text(*middle, strip.left, fontsize=10.5, va="center")
        top -= cell
        axes = figure.add_axes(
            ((EDGE + left) / width, top / total, cell * columns / width, cell / total)
        )
        # interpolation "none": the file keeps these very pixels, whatever its resolution.
        style = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "none"}
        axes.imshow(_joined(strip.images, columns), aspect="auto", **style)
        axes.set_axis_off()
        if strip.under:
            _place_words(figure, strip.under, cell, left, top - 0.30, 8, GREY)
            top -= UNDER
        top -= SPACE
    return figure


def _place_words(
    figure: Figure,
    words: Sequence[str],
    cell: float,
    left: float,
    height: float,
    size: float,
    colour: str = "black",
) -> None:
    """Write a word at the middle of each column, `height` inches above the figure's bottom."""
    width, total = figure.get_size_inches()
    for column, word in enumerate(words):
        place = (EDGE + left + cell * (column + 0.5)) / width
        figure.text(place, height / total, word, ha="center", fontsize=size, color=colour)


def _joined(images: Sequence[np.ndarray | None], columns: int) -> np.ndarray:
    """Return one uint8 picture of all images of a row, white between them."""
    joined = np.full((SIDE + GAP, columns * (SIDE + GAP)), 255, np.uint8)
    for column, image in enumerate(images):
        if image is not None:
            block = max(1, SIDE // image.shape[0])
            large = np.kron(image, np.ones((block, block), np.uint8))
            begin = column * (SIDE + GAP) + GAP // 2
            joined[GAP // 2 : GAP // 2 + SIDE, begin : begin + SIDE] = large
    return joined


def spread(number: int, wanted: int) -> list[int]:
    """Return at most `wanted` indices below `number`, spread evenly from the first on."""
    return [number * place // min(wanted, number) for place in range(min(wanted, number))]
