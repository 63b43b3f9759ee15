"""How panels are arranged and labelled, and what several figures draw in them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from augtrial.reporting.figures.style import WIDTH


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure (inches) that makes room for its labels."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.08, hspace=0.02, wspace=0.02)
    return Figure(figsize=(width, height), layout=layout)


def panel_grid(
    number: int, columns: int, height: float, rest: float, width: float = WIDTH, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Return a figure and at least so many panels [n], in rows of `height` inches, with the rest.

    The options are those of `Figure.subplots`.
    """
    lines = max(1, math.ceil(number / columns))
    figure = new_figure(height * lines + rest, width)
    return figure, figure.subplots(lines, columns, squeeze=False, **options).ravel()


def label_outer(panels: np.ndarray, used: int, columns: int, x: str, y: str) -> None:
    """Label a grid of panels at its outside only, and leave the cells after `used` empty.

    Where the last row is not full, the panels above the empty cells carry the x axis.
    """
    for panel in panels[used:]:
        panel.set_axis_off()
    for panel in panels[:used][-columns:]:
        panel.set_xlabel(x)
        panel.tick_params(labelbottom=True)
    for panel in panels[::columns]:
        panel.set_ylabel(y)


def legend_below(figure: Figure, panels: Iterable[Axes], columns: int) -> None:
    """Write one legend below all panels, with each label once."""
    handles: dict[str, Any] = {}
    for panel in panels:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=columns)


def name_lines(panel: Axes, names: Sequence[str], title: str) -> None:
    """Name the lines of a forest plot, the first at the top."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    panel.set_title(title, loc="left", fontweight="bold")


def draw_interval(panel: Axes, y: int, values: Sequence[float], text: str, **mark: Any) -> None:
    """Draw a value with its interval (fractions: value, low, high) on line y, and its text."""
    value, low, high = (100 * number for number in values)
    panel.plot([low, high], [y, y], color=mark["color"], lw=2.2)
    panel.plot(value, y, ls="none", **mark)
    where: dict[str, Any] = {"xycoords": panel.get_yaxis_transform(), "va": "center"}
    panel.annotate(text.removesuffix(" ()"), (1.02, y), fontsize=9, **where)


def draw_runs(
    panel: Axes, runs: pd.DataFrame, by: list[str], x: str, y: str, alpha: float, **line: Any
) -> None:
    """Draw every run thin and their mean thick; `line` is its colour and label.

    Rows without a value are passed over: a line joins those on both sides.
    """
    runs = runs.dropna(subset=[y])
    for _, run in runs.groupby(by, sort=False):
        panel.plot(run[x], run[y], color=line["color"], lw=0.6, alpha=alpha)
    mean = runs.groupby(x)[y].mean()
    panel.plot(mean.index, mean, lw=2, **line)


def accuracy_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of endpoints or differences that are about the accuracy."""
    return table[(table["endpoint"] == "accuracy") & (table["class"] == "all")]
