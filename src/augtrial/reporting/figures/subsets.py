"""Accuracy against the number of training patients: is a gain largest where lesions are fewest?"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from augtrial.core.names import contrast_arms
from augtrial.reporting.figures.layout import accuracy_rows, legend_below, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import contrast_name, percent, points

ARM, CONTRAST = "arm", "contrast"
COLUMNS = [
    *("layer", "name", "share", "training_patients", "training_lesions"),
    *("value", "low", "high", "replicates", "folds", "lesions", "patients"),
]
APART = 0.025  # of the axis: between the bars of neighbouring lines


@styled
def draw_subsets(subsets: pd.DataFrame, contrasts: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw accuracy by training patients, and beside it the differences of accuracy.

    `contrasts` (tables/subset_contrasts.csv) are empty where no contrast has both arms.
    """
    names = contrasts.rename(columns={"contrast": "name", "difference": "value"})
    layers = [
        accuracy_rows(subsets).rename(columns={"arm": "name"}).assign(layer=ARM),
        accuracy_rows(names).assign(layer=CONTRAST),
    ]
    data = pd.concat([layer for layer in layers if len(layer)])[COLUMNS]
    sides = list(dict.fromkeys(data["layer"]))
    figure, panels = panel_grid(len(sides), len(sides), 3.9, 0)
    for panel, side in zip(panels, sides, strict=True):
        _draw_lines(panel, data[data["layer"] == side], style)
        panel.set_xlim(left=0)
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.set_xlabel("Training patients")
        panel.grid(axis="y")
    panels[0].set_ylabel(f"Accuracy, percent\n{style.interval}")
    if CONTRAST in sides:
        panels[-1].axhline(0, color=GREY, lw=0.9, ls="--")
        panels[-1].set_ylabel("Difference, points")
    legend_below(figure, panels, 2)
    return Drawing(figure, data, "Accuracy against training patients", _alt_text(data))


def _draw_lines(panel: Axes, data: pd.DataFrame, style: FigureStyle) -> None:
    names = style.ordered(data["name"])
    step = APART * data["training_patients"].max()
    for number, name in enumerate(names):
        rows = data[data["name"] == name].sort_values("share")
        is_arm = rows["layer"].iloc[0] == ARM
        colour = style.colour(name if is_arm else contrast_arms(name)[0])
        x = rows["training_patients"] + step * (number - (len(names) - 1) / 2)
        panel.vlines(x, 100 * rows["low"], 100 * rows["high"], color=colour, lw=1.4, alpha=0.7)
        mark: dict[str, Any] = {"marker": "o"} if is_arm else {"marker": "D", "ls": ":"}
        label = name if is_arm else contrast_name(name)
        panel.plot(x, 100 * rows["value"], color=colour, lw=1.8, ms=5, label=label, **mark)


def _alt_text(data: pd.DataFrame) -> str:
    sentences = ["Accuracy by training patients, with intervals, and its differences."]
    for (layer, name), rows in data.sort_values("share").groupby(["layer", "name"], sort=False):
        written = percent if layer == ARM else points
        listed = [
            f"{written(row.value)} with {row.training_patients:.0f} patients"
            for row in rows.itertuples()
        ]
        sentences.append(f"{name}: {', '.join(listed)}.")
    return " ".join(sentences)
