"""How a synthesizer's training went: what its history holds over the updates, all runs."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from augtrial.core.names import count
from augtrial.reporting.figures.layout import draw_runs, new_figure
from augtrial.reporting.figures.style import SERIES_COLOURS, Drawing, FigureStyle, styled

RUN = ["network", "replicate", "fold"]
Panels = Mapping[str, Mapping[str, str]]  # title: column: label


@styled
def draw_losses(
    history: pd.DataFrame, style: FigureStyle, *, synthesizer: str, panels: Panels
) -> Drawing:
    """Draw every run thin and their mean thick, a column of panels for each network.

    `history` holds network, update, replicate, fold, and the columns of the panels; panels without
    values are left out.
    """
    networks = [name for name in [*style.classes, "all"] if name in set(history["network"])]
    drawn = {
        title: labels
        for title, labels in panels.items()
        if history[list(labels)].notna().any(axis=None)
    }
    figure = new_figure(1.75 * len(drawn) + 0.4)
    axes = figure.subplots(len(drawn), len(networks), sharex=True, sharey="row", squeeze=False)
    for row, (title, labels) in zip(axes, drawn.items(), strict=True):
        for panel, network in zip(row, networks, strict=True):
            runs = history[history["network"] == network]
            for number, (column, label) in enumerate(labels.items()):
                line: dict[str, str] = {
                    "color": SERIES_COLOURS[number % len(SERIES_COLOURS)],
                    "label": label,
                }
                if runs[column].isna().any():  # a few values, perhaps a single one
                    line["marker"] = "."
                draw_runs(panel, runs, RUN, "update", column, 0.35, **line)
            panel.grid(axis="y")
        _set_scale(row[0], history[list(labels)])
        row[0].set_ylabel(title)
        row[-1].legend(handlelength=1.2, labelspacing=0.2, borderaxespad=0, loc="upper right")
    for panel, network in zip(axes[0], networks, strict=True):
        panel.set_title("all classes" if network == "all" else network, fontweight="bold")
    for panel in axes[-1]:
        panel.set_xlabel("Updates")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    columns = [column for labels in drawn.values() for column in labels]
    data = history[[*RUN, "update", *columns]]
    return Drawing(figure, data, f"Training of {synthesizer}", _alt_text(data, synthesizer, drawn))


def _set_scale(panel: Axes, values: pd.DataFrame) -> None:
    """Set the axis of values: 0 to 1 for shares, else so that a spike flattens nothing else."""
    if values.min(axis=None) >= 0 and values.max(axis=None) <= 1:
        low, high = 0.0, 1.0
        panel.set_yticks([0, 0.5, 1])
    else:
        low, high = min(0, values.quantile(0.03).min()), max(0, values.quantile(0.97).max())
    panel.set_ylim(low, high + 0.5 * (high - low))  # room for the legend


def _alt_text(data: pd.DataFrame, synthesizer: str, panels: Panels) -> str:
    updates = int(data["update"].max())
    last = data[data["update"] == updates].mean(numeric_only=True)
    means = [
        f"{title}: " + ", ".join(f"{label} {last[column]:.2f}" for column, label in labels.items())
        for title, labels in panels.items()
    ]
    length = count(updates, "update")
    return f"Training of {synthesizer} over {length}. Means at the end. {'; '.join(means)}."
