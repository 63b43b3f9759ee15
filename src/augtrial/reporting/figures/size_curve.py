"""Accuracy against training-set size (the paper's Figure 8): curves, arms, the paper's points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from augtrial.core.names import count
from augtrial.reporting import published_results
from augtrial.reporting.figures.layout import accuracy_rows, legend_below, panel_grid
from augtrial.reporting.figures.style import GREY, PALE, Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import percent

Recipes = Mapping[str, Mapping[str, Any]]  # of curves or arms, by name
CLASSIC, SYNTHETIC = "classic", "synthetic"
AXES = {CLASSIC: "Classic variants\nper fold", SYNTHETIC: "Synthetic images\nper class and fold"}
COLUMNS = [
    *("layer", "name", "axis", "size", "on_top_of_classic"),
    *("value", "low", "high", "replicates", "folds", "lesions", "patients"),
]


@styled
def draw_size_curve(
    curve: pd.DataFrame,
    endpoints: pd.DataFrame,
    style: FigureStyle,
    *,
    curves: Recipes,
    arms: Recipes,
) -> Drawing:
    """Draw the accuracy rows of tables/curve.csv, and the arms' where they stand on an axis.

    `curves` are the settings of each curve (`vary`, `classic`), `arms` the recipe of each arm
    (`classic`, `synthetic`).
    """
    points = [_curve_points(curve, curves), _arm_points(endpoints, arms), _paper_points(style)]
    data = pd.concat(points).reindex(columns=COLUMNS)
    measured = set(data.loc[data["layer"] == "curve", "axis"])
    sides = [side for side in AXES if side in measured]
    data = data[data["axis"].isin(sides)]
    figure, panels = panel_grid(len(sides), len(sides), 3.9, 0, sharey=True)
    for panel, side in zip(panels, sides, strict=True):
        on_axis = data[data["axis"] == side]
        for (layer, name), rows in on_axis.groupby(["layer", "name"], sort=False):
            colour = style.colour(_arm_like(name, curves, arms), list(curves))
            _draw_layer(panel, layer, name, rows.sort_values("size"), colour)
        largest = on_axis.loc[on_axis["layer"] != "paper", "size"].max()
        margin = 0.04 * largest or 1
        panel.set_xlim(-margin, largest + margin)
        panel.set_xlabel(AXES[side])
        panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:,.0f}"))
        panel.grid(axis="y")
    panels[0].set_ylabel(f"Accuracy, percent\n{style.interval}")
    legend_below(figure, panels, 2)
    return Drawing(figure, data, "Accuracy against training-set size", _alt_text(data))


def _arm_like(name: str, curves: Recipes, arms: Recipes) -> str:
    """Return the arm whose colour a curve takes: its namesake, or the one that adds the same."""
    vary = curves.get(name, {}).get("vary")
    same = [arm for arm, recipe in arms.items() if list(recipe.get("synthetic", {})) == [vary]]
    return name if name in arms or not same else same[0]


def _draw_layer(panel: Axes, layer: str, name: str, rows: pd.DataFrame, colour: Any) -> None:
    size, value = rows["size"].astype(float), 100 * rows["value"]
    if layer == "paper":
        diamond: dict[str, Any] = {"mfc": "white", "mec": PALE, "ms": 5, "zorder": 1}
        panel.plot(size, value, "D:", color=PALE, lw=1, label=f"paper: {name}", **diamond)
        return
    low, high = 100 * rows["low"], 100 * rows["high"]
    if layer == "curve":
        panel.fill_between(size, low, high, color=colour, alpha=0.18, lw=0)
        panel.plot(size, value, "o-", color=colour, lw=2, ms=4.5, label=f"curve: {name}")
    else:
        panel.vlines(size, low, high, color=colour, lw=1.6)
        panel.plot(size, value, "s", color=colour, mec=GREY, ms=7.5, label=f"arm: {name}")


def _curve_points(curve: pd.DataFrame, curves: Recipes) -> pd.DataFrame:
    """Return the points of the curves, each with the axis on which it stands."""
    points = accuracy_rows(curve).rename(columns={"curve": "name"})
    classic = points["name"].map(lambda name: curves[name]["vary"] == CLASSIC)
    base = points["name"].map(lambda name: curves[name].get("classic", 0))
    side = np.where(classic, CLASSIC, SYNTHETIC)
    return points.assign(layer="curve", axis=side, on_top_of_classic=base.where(~classic))


def _arm_points(endpoints: pd.DataFrame, arms: Recipes) -> pd.DataFrame:
    """Return the arms whose recipe is one number on one of the axes."""
    rows = []
    for row in accuracy_rows(endpoints).to_dict("records"):
        recipe = arms.get(row["arm"], {})
        synthetic = list(recipe.get("synthetic", {}).values())
        sizes = synthetic or [recipe.get("classic")]
        if len(sizes) == 1 and isinstance(sizes[0], int):
            side = SYNTHETIC if synthetic else CLASSIC
            base = recipe.get("classic") if synthetic else None
            position = {"axis": side, "size": sizes[0], "on_top_of_classic": base}
            rows.append({**row, "layer": "arm", "name": row["arm"], **position})
    return pd.DataFrame(rows)


def _paper_points(style: FigureStyle) -> pd.DataFrame:
    """Return the paper's own curve, for a cohort of its three classes."""
    points = published_results.reference_curve(style.classes).rename(columns={"system": "name"})
    classic = points["name"] == published_results.CLASSIC
    side = np.where(classic, CLASSIC, SYNTHETIC)
    base = classic.map({True: None, False: 5000})
    return points.assign(layer="paper", axis=side, on_top_of_classic=base)


def _alt_text(data: pd.DataFrame) -> str:
    sentences = []
    for name, rows in data[data["layer"] == "curve"].groupby("name", sort=False):
        rows = rows.sort_values("size")
        first, last = rows.iloc[0], rows.iloc[-1]
        sentences.append(
            f"Curve {name}, {count(len(rows), 'size')}: accuracy {percent(first['value'])} percent "
            f"at {first['size']:,} and {percent(last['value'])} percent at {last['size']:,}."
        )
    return " ".join(["Accuracy against training-set size with intervals.", *sentences])
