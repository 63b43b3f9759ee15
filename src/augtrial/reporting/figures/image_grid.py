"""Rows of small pictures with crisp pixels, one grey window, and room for text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from augtrial.reporting.figures.style import GREY, WIDE, WIDTH

SIDE = 256  # pixels of a cell: each ROI pixel becomes a block, so that no viewer smooths it
GAP = 10
EDGE, HEADING, UNDER, SPACE = 0.08, 0.32, 0.34, 0.05  # inches


@dataclass(frozen=True)
class ImageRow:
    """A row: uint8 images [s, s] of one size, what a table says of each, and the row's texts.

    `heading` stands above the row, `left` beside it, `over` and `under` at each image.
    """

    images: Sequence[np.ndarray]
    cells: Sequence[Mapping[Any, Any]] = ()
    heading: str = ""
    left: str = ""
    over: Sequence[str] = ()
    under: Sequence[str] = ()


def draw_image_grid(image_rows: Sequence[ImageRow], columns: int, *, left: float = 0.0) -> Figure:
    """Return a figure of rows, one above the other, with `left` inches beside them for text."""
    cell = min(1.0, (WIDE - 2 * EDGE - left) / max(columns, 1))
    heights = [
        HEADING * bool(row.heading) + HEADING * bool(row.over) + cell + UNDER * bool(row.under)
        for row in image_rows
    ]
    total = sum(heights) + SPACE * len(image_rows) + 2 * EDGE
    width = max(2 * EDGE + left + cell * columns, WIDTH / 2)
    figure = Figure(figsize=(width, total))
    top = total - EDGE
    for row in image_rows:
        if row.over:
            _write_texts(figure, row.over, cell, left, top - 0.24, fontsize=10.5)
            top -= HEADING
        if row.heading:
            corner = EDGE / width, (top - 0.24) / total
            figure.text(*corner, row.heading, fontsize=12, fontweight="bold")
            top -= HEADING
        middle = EDGE / width, (top - cell / 2) / total
        figure.text(*middle, row.left, fontsize=10.5, va="center")
        top -= cell
        box = ((EDGE + left) / width, top / total, cell * columns / width, cell / total)
        axes = figure.add_axes(box)
        # interpolation "none": the file keeps these very pixels, whatever its resolution.
        options: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "none"}
        axes.imshow(_joined(row.images, columns), aspect="auto", **options)
        axes.set_axis_off()
        if row.under:
            _write_texts(figure, row.under, cell, left, top - 0.30, fontsize=8, color=GREY)
            top -= UNDER
        top -= SPACE
    return figure


def _write_texts(
    figure: Figure, texts: Sequence[str], cell: float, left: float, height: float, **style: Any
) -> None:
    """Write a text at the middle of each column, `height` inches above the figure's bottom."""
    width, total = figure.get_size_inches()
    for column, text in enumerate(texts):
        x = (EDGE + left + cell * (column + 0.5)) / width
        figure.text(x, height / total, text, ha="center", **style)


def _joined(images: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Return one uint8 picture of all images of a row, white between them."""
    joined = np.full((SIDE + GAP, columns * (SIDE + GAP)), 255, np.uint8)
    for column, image in enumerate(images):
        block = max(1, SIDE // image.shape[0])
        large = np.kron(image, np.ones((block, block), np.uint8))
        begin = column * (SIDE + GAP) + GAP // 2
        joined[GAP // 2 : GAP // 2 + SIDE, begin : begin + SIDE] = large
    return joined


def grid_table(image_rows: Sequence[ImageRow], columns: Sequence[str]) -> pd.DataFrame:
    """Return row, column and these columns of each image's cell."""
    cells = [
        {"row": number, "column": column, **cell}
        for number, row in enumerate(image_rows)
        for column, cell in enumerate(row.cells)
    ]
    return pd.DataFrame(cells, columns=["row", "column", *columns])


def spread(number: int, wanted: int) -> list[int]:
    """Return at most `wanted` indices below `number`, spread evenly from the first on."""
    count = min(wanted, number)
    return [number * index // count for index in range(count)]
