"""How the classifiers' training went: loss by update, a panel an arm, all folds and replicates."""

import math

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from augtrial.reporting.figures.layout import draw_runs, label_outer, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled

RUN = ["arm", "replicate", "fold"]
POINTS = 150  # a run, at most
UNEQUAL = 3  # times as many updates in one arm as in another: the axis becomes logarithmic


@styled
def draw_training(history: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw every run thin and their mean thick, in stretches of updates.

    `history` holds arm, update, loss, replicate, fold. A dashed line is the loss of a guess.
    """
    history = history.dropna(subset="arm")  # curves have no arm
    data = pd.concat(
        thinned(history[history["arm"] == arm], x="update", y="loss", by=RUN)
        for arm in style.ordered(history["arm"])
    )
    arms = list(dict.fromkeys(data["arm"]))
    ends = data.groupby("arm", sort=False)["update"].max()
    columns = 2 if len(arms) > 1 else 1
    figure, panels = panel_grid(len(arms), columns, 1.75, 0.5, sharex=True, sharey=True)
    for panel, arm in zip(panels, arms, strict=False):
        losses = data[data["arm"] == arm]
        draw_runs(panel, losses, RUN, "update", "loss", 0.4, color=style.colour(arm))
        panel.axhline(math.log(len(style.classes)), color=GREY, lw=0.9, ls="--")
        panel.set_title(arm, fontweight="bold")
        panel.grid(axis="y")
    if ends.max() > UNEQUAL * ends.min():
        panels[0].set_xscale("log")
        panels[0].xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    panels[0].set_ylim(bottom=0)
    label_outer(panels, len(arms), columns, "Update", "Loss")
    last = data[data["update"] == data["arm"].map(ends)].groupby("arm", sort=False)["loss"].mean()
    words = ", ".join(f"{arm} {loss:.2f}" for arm, loss in last.items())
    alt = f"Training loss of the classifiers by update. At the end, in the mean: {words}."
    return Drawing(figure, data, "Training of the classifiers", alt)


def thinned(history: pd.DataFrame, *, x: str, y: str, by: list[str]) -> pd.DataFrame:
    """Return at most some 150 points a run: means of y over stretches of x, at their ends.

    Stretches grow with x, since a loss falls fast first and slowly later.
    """
    edges = np.unique(np.geomspace(1, int(history[x].max()), POINTS).round().astype(int))
    stretch = edges[np.searchsorted(edges, history[x])]
    return history.groupby([*by, stretch], sort=False)[y].mean().rename_axis([*by, x]).reset_index()
