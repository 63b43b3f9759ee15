"""Accuracy against the number of gradient updates: is a gain more than a longer training?"""

import pandas as pd
from matplotlib.ticker import FuncFormatter, NullFormatter

from augtrial.reporting.figures.layout import accuracy_rows, legend_below, new_figure
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import percent

COLUMNS = ["arm", "updates", "value", "low", "high"]
COLUMNS += ["replicates", "folds", "lesions", "patients"]
SPREAD = 0.02  # of the axis: how far apart the arms' bars stand at the same number of updates


@styled
def draw_updates(updates: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw the accuracy rows of tables/updates.csv, a line an arm; its end is filled."""
    data = accuracy_rows(updates)[COLUMNS]
    arms = style.ordered(data["arm"])
    data = pd.concat([data[data["arm"] == arm].sort_values("updates") for arm in arms])
    figure = new_figure(3.6 + 0.11 * len(arms))
    panel = figure.subplots()
    span = data["updates"].max() / data["updates"].min()
    for number, arm in enumerate(arms):
        rows, colour = data[data["arm"] == arm], style.colour(arm)
        # A little apart: bars of several arms at one number of updates would hide each other.
        x = rows["updates"] * span ** (SPREAD * (number - (len(arms) - 1) / 2) / len(arms))
        panel.vlines(x, 100 * rows["low"], 100 * rows["high"], color=colour, lw=1.2, alpha=0.6)
        panel.plot(x, 100 * rows["value"], "o-", color=colour, lw=1.8, ms=5, mfc="white")
        end = rows.iloc[-1]
        panel.plot(x.iloc[-1], 100 * end["value"], "o-", color=colour, ms=5.5, label=arm)
    panel.set_xscale("log")
    panel.set_xticks(_apart(sorted(set(data["updates"]))))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("Gradient updates")
    panel.set_ylabel(f"Accuracy, percent\n{style.interval}")
    panel.grid(axis="y")
    legend_below(figure, [panel], 2)
    return Drawing(figure, data, "Accuracy against updates", _alt_text(data))


def _apart(ticks: list[int], ratio: float = 1.35) -> list[int]:
    """Return the ticks whose labels do not run into each other on a logarithmic axis."""
    kept: list[int] = []
    for tick in reversed(ticks):
        if not kept or kept[-1] / tick >= ratio:
            kept.append(tick)
    return kept[::-1]


def _alt_text(data: pd.DataFrame) -> str:
    sentences = ["Accuracy of the arms against gradient updates, with intervals."]
    for arm, rows in data.groupby("arm", sort=False):
        points = [f"{percent(row.value)} percent at {row.updates:,}" for row in rows.itertuples()]
        sentences.append(f"{arm}: {', '.join(points)}.")
    return " ".join(sentences)
