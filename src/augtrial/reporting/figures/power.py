"""The power of a planned study against the true difference, with the range of the variance."""

import pandas as pd

from augtrial.core.names import count
from augtrial.reporting.figures.layout import legend_below, new_figure
from augtrial.reporting.figures.style import GREY, SERIES_COLOURS, Drawing, styled
from augtrial.statistics.components import middle_scenario
from augtrial.statistics.power import AS_PLANNED
from augtrial.statistics.verdicts import POWER, PRIMARY, SECONDARY


@styled
def draw_power(table: pd.DataFrame, margin: float) -> Drawing:
    """Draw the power of a plan (`pipeline.design.plan_table`); the data is the whole table."""
    planned = table[table["design"] == AS_PLANNED]
    figure = new_figure(3.6)
    panel = figure.subplots()
    panel.axhline(100 * POWER, color=GREY, lw=0.8, ls=":")
    panel.axvline(100 * margin, color=GREY, lw=0.8, ls=":")
    panel.text(100 * margin, 101, "margin", ha="center", va="bottom", color=GREY)
    for colour, role in zip(SERIES_COLOURS, (PRIMARY, SECONDARY), strict=False):
        rows = planned[planned["role"] == role]
        if rows.empty:
            continue
        power = 100 * rows.pivot(index="truth", columns="scenario", values="power")
        x = 100 * power.index
        panel.fill_between(x, power.min(axis=1), power.max(axis=1), color=colour, alpha=0.18, lw=0)
        line = "-" if role == PRIMARY else "--"
        panel.plot(
            x,
            power[middle_scenario(rows["scenario"])],
            line,
            color=colour,
            lw=2,
            label=f"{role} contrast",
        )
    panel.set_xlim(0, 100 * planned["truth"].max())
    panel.set_ylim(0, 100)
    panel.set_xlabel("True difference, percentage points")
    panel.set_ylabel("Power, percent")
    legend_below(figure, [panel], 2)
    return Drawing(figure, table, "Power against the true difference", _alt_text(planned))


def _alt_text(planned: pd.DataFrame) -> str:
    sentences = ["Power of the planned study against the true difference."]
    for role, rows in planned.groupby("role", sort=False):
        least, most = 100 * rows["detectable"].min(), 100 * rows["detectable"].max()
        number = count(rows["scenario"].nunique(), "scenario")
        sentences.append(
            f"The {role} contrast finds with 80 percent power a difference of {least:.1f} to "
            f"{most:.1f} points ({number} of the variance)."
        )
    return " ".join(sentences)
