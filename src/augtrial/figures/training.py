"""How the classifiers' training went: loss by update, a panel an arm, all folds and replicates."""

import math

import pandas as pd
from matplotlib.ticker import FuncFormatter

from augtrial.figures.runs import thinned
from augtrial.figures.style import GREY, Drawing, Look, label_outer, new_figure, styled

RUN = ["arm", "replicate", "fold"]
UNEQUAL = 3  # times as many updates in one arm as in another: the axis becomes logarithmic


@styled
def draw_training(history: pd.DataFrame, look: Look) -> Drawing:
    """Draw every run thin and their mean thick, in stretches of updates.

    Args:
        history: recipe, update, loss, replicate, fold.
        look: arms and colours; the loss of a guess is the log of the number of classes.
    """
    history = history.rename(columns={"recipe": "arm"})
    data = pd.concat(
        thinned(history[history["arm"] == arm], x="update", y="loss", by=RUN)
        for arm in look.ordered(history["arm"])
    )
    arms = list(dict.fromkeys(data["arm"]))
    ends = data.groupby("arm", sort=False)["update"].max()
    columns = 2 if len(arms) > 1 else 1
    lines = -(-len(arms) // columns)
    figure = new_figure(1.75 * lines + 0.5)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, arm in zip(panels, arms, strict=False):
        colour, own = look.colour(arm), data[data["arm"] == arm]
        for _, run in own.groupby(RUN, sort=False):
            panel.plot(run["update"], run["loss"], color=colour, lw=0.6, alpha=0.4)
        mean = own.groupby("update")["loss"].mean()
        panel.plot(mean.index, mean, color=colour, lw=2)
        panel.axhline(math.log(len(look.classes)), color=GREY, lw=0.9, ls="--")
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
