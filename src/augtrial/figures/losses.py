"""How a synthesizer's training went: losses, D(x) and D(G(z)) over the epochs, all runs."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from augtrial.figures.style import Drawing, Look, new_figure, styled
from augtrial.figures.wording import count

# Rows of panels: the title of the axis, then each line's column and name.
ROWS = (
    ("Loss", (("loss_d", "discriminator"), ("loss_g", "generator"))),
    ("Called real", (("d_real", "real, D(x)"), ("d_fake", "synthetic, D(G(z))"))),
    ("Class right", (("class_real", "real"), ("class_fake", "synthetic"))),
)
COLOURS = ("#0072B2", "#D55E00")
RUN = ["unit", "replicate", "fold"]


@styled
def draw_losses(history: pd.DataFrame, look: Look, *, synthesizer: str) -> Drawing:
    """Draw every run thin and their mean thick, a column of panels for each network.

    Args:
        history: unit, epoch, loss_d, loss_g, d_real, d_fake, class_real, class_fake, replicate,
            fold.
        look: the order of the classes.
        synthesizer: its name.
    """
    present = set(history["unit"])
    units = [unit for unit in [*look.classes, "all"] if unit in present]
    rows = [(title, lines) for title, lines in ROWS if history[lines[0][0]].notna().any()]
    figure = new_figure(1.75 * len(rows) + 0.4)
    panels = figure.subplots(len(rows), len(units), sharex=True, sharey="row", squeeze=False)
    for line, (title, measures) in zip(panels, rows, strict=True):
        for panel, unit in zip(line, units, strict=True):
            _draw_runs(panel, history[history["unit"] == unit], measures)
        top = 1.0
        if title == "Loss":  # a spike of one run must not flatten the others
            top = float(history[[column for column, _ in measures]].quantile(0.97).max())
        else:
            line[0].set_yticks([0, 0.5, 1])
        line[0].set_ylim(0, 1.5 * top)  # room for the legend
        line[0].set_ylabel(title)
        line[-1].legend(handlelength=1.2, labelspacing=0.2, borderaxespad=0, loc="upper right")
    for panel, unit in zip(panels[0], units, strict=True):
        panel.set_title("all classes" if unit == "all" else unit, fontweight="bold")
    for panel in panels[-1]:
        panel.set_xlabel("Epoch")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    shown = [column for _, lines in rows for column, _ in lines]
    last = history[history["epoch"] == history["epoch"].max()]
    alt = (
        f"Losses of {synthesizer} over {count(int(history['epoch'].max()), 'epoch')}. In the last "
        f"one the discriminator called real images real with a mean of {last['d_real'].mean():.2f} "
        f"and synthetic ones with {last['d_fake'].mean():.2f}."
    )
    data = history[[*RUN, "epoch", *shown]]
    return Drawing(figure, data, f"Training of {synthesizer}", alt)


def _draw_runs(panel: Axes, history: pd.DataFrame, measures: tuple) -> None:
    for (column, name), colour in zip(measures, COLOURS, strict=True):
        for _, run in history.groupby(RUN, sort=False):
            panel.plot(run["epoch"], run[column], color=colour, lw=0.6, alpha=0.35)
        mean = history.groupby("epoch")[column].mean()
        panel.plot(mean.index, mean, color=colour, lw=2, label=name)
    panel.grid(axis="y")
