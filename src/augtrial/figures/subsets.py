"""Accuracy against the number of training patients: is a gain largest where lesions are fewest?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from augtrial.figures.style import GREY, Drawing, Look, new_figure, styled
from augtrial.figures.wording import contrast_name, percent, points
from augtrial.spelling import contrast_arms

ARM, CONTRAST = "arm", "contrast"
COLUMNS = [
    *("layer", "name", "share", "training_patients", "training_lesions"),
    *("value", "low", "high", "replicates", "folds", "lesions", "patients"),
]
APART = 0.025  # of the axis: between the bars of neighbouring lines


@styled
def draw_subsets(subsets: pd.DataFrame, contrasts: pd.DataFrame, look: Look) -> Drawing:
    """Draw accuracy by training patients, and beside it the differences of accuracy.

    Args:
        subsets: tables/subsets.csv.
        contrasts: tables/subset_contrasts.csv; empty where no contrast has both arms.
        look: arms and colours.
    """
    names = contrasts.rename(columns={"contrast": "name", "difference": "value"})
    layers = [
        _accuracy(subsets).rename(columns={"arm": "name"}).assign(layer=ARM),
        _accuracy(names).assign(layer=CONTRAST),
    ]
    data = pd.concat([layer for layer in layers if len(layer)])[COLUMNS]
    sides = list(dict.fromkeys(data["layer"]))
    figure = new_figure(3.9)
    panels = figure.subplots(1, len(sides), squeeze=False)[0]
    for panel, side in zip(panels, sides, strict=True):
        own = data[data["layer"] == side]
        _draw_lines(panel, own, look)
        panel.set_xlim(left=0)
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.set_xlabel("Training patients")
        panel.grid(axis="y")
    panels[0].set_ylabel(f"Accuracy, percent\n{look.interval}")
    if CONTRAST in sides:
        panels[-1].axhline(0, color=GREY, lw=0.9, ls="--")
        panels[-1].set_ylabel("Difference, points")
    handles = {}
    for panel in panels:
        handles |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=2)
    return Drawing(figure, data, "Accuracy against training patients", _words(data))


def _accuracy(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["endpoint"] == "accuracy") & (table["class"] == "all")]


def _draw_lines(panel: Axes, data: pd.DataFrame, look: Look) -> None:
    names = look.ordered(data["name"])
    step = APART * data["training_patients"].max()
    for number, name in enumerate(names):
        rows = data[data["name"] == name].sort_values("share")
        is_arm = rows["layer"].iloc[0] == ARM
        colour = look.colour(name if is_arm else contrast_arms(name)[0])
        place = rows["training_patients"] + step * (number - (len(names) - 1) / 2)
        panel.vlines(place, 100 * rows["low"], 100 * rows["high"], color=colour, lw=1.4, alpha=0.7)
        style = {"marker": "o"} if is_arm else {"marker": "D", "ls": ":"}
        label = name if is_arm else contrast_name(name)
        panel.plot(place, 100 * rows["value"], color=colour, lw=1.8, ms=5, label=label, **style)


def _words(data: pd.DataFrame) -> str:
    sentences = ["Accuracy by training patients, with intervals, and its differences."]
    for (layer, name), rows in data.sort_values("share").groupby(["layer", "name"], sort=False):
        told = percent if layer == ARM else points
        listed = [
            f"{told(row.value)} with {row.training_patients:.0f} patients"
            for row in rows.itertuples()
        ]
        sentences.append(f"{name}: {', '.join(listed)}.")
    return " ".join(sentences)
