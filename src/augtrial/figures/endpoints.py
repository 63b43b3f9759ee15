"""The leading endpoints of every arm with their intervals, and the paper's values beside them."""

import math

import numpy as np
import pandas as pd

from augtrial import paper
from augtrial.figures.style import GREY, Drawing, Look, new_figure, styled
from augtrial.figures.wording import LEADING, percent, percent_interval

COLUMNS = [
    *("arm", "endpoint", "class", "value", "low", "high"),
    *("replicates", "folds", "lesions", "patients", "paper_system", "paper_value"),
]

# What an arm shares with one of the paper's, and that one's name.
PAPER = {"classic": paper.CLASSIC, "dcgan": paper.DCGAN, "acgan": paper.ACGAN}


@styled
def draw_endpoints(table: pd.DataFrame, look: Look) -> Drawing:
    """Draw the rows of tables/endpoints.csv that the report leads with, an arm a line."""
    arms = look.ordered(table["arm"])
    reference = paper.reference_endpoints(look.classes)
    reference = reference.set_index(["system", "endpoint", "class"])["value"]
    figure = new_figure(len(LEADING) * (0.42 + 0.27 * len(arms)) + 0.8)
    panels = figure.subplots(len(LEADING), 1, sharex=True, squeeze=False)[:, 0]
    shown, words, mark = [], [], None
    for panel, (endpoint, category, name) in zip(panels, LEADING, strict=True):
        rows = table[(table["endpoint"] == endpoint) & (table["class"] == category)]
        rows = rows.set_index("arm").reindex(arms).reset_index()
        rows = rows.assign(endpoint=endpoint, **{"class": category})
        rows["paper_system"] = [PAPER.get(look.like.get(arm), "") for arm in arms]
        rows["paper_value"] = [
            reference.get((system, endpoint, category), math.nan) for system in rows["paper_system"]
        ]
        shown.append(rows)
        for place, row in enumerate(rows.itertuples()):
            colour = look.colour(row.arm)
            panel.plot([100 * row.low, 100 * row.high], [place, place], color=colour, lw=2.2)
            panel.plot(100 * row.value, place, "o", color=colour, ms=7)
            if not math.isnan(row.paper_value):
                style = {"mfc": "white", "mec": GREY, "mew": 1.3, "ms": 7, "ls": "none"}
                (mark,) = panel.plot(100 * row.paper_value, place, "D", zorder=1, **style)
            text = f"{percent(row.value)} ({percent_interval(row.low, row.high)})"
            panel.annotate(
                text.removesuffix(" ()"),
                (1.02, place),
                xycoords=panel.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
            if name == LEADING[0][2]:
                words.append(f"{row.arm} {text}")
        panel.set_yticks(range(len(arms)), arms)
        panel.set_ylim(len(arms) - 0.4, -0.6)
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="x")
        panel.set_title(name, loc="left", fontweight="bold")
    data = pd.concat(shown)
    lowest = np.nanmin([*data[["low", "value", "paper_value"]].to_numpy(float).ravel(), 0.9])
    panels[-1].set_xlim(10 * math.floor(10 * lowest), 101)
    panels[-1].set_xlabel(f"Percent, {look.interval}")
    if mark is not None:
        figure.legend([mark], ["the paper's own cohort"], loc="outside lower right")
    return Drawing(
        figure,
        data[[name for name in COLUMNS if name in data]],
        "Endpoints by arm",
        f"Endpoints of every arm with intervals. Macro sensitivity in percent: {'; '.join(words)}.",
    )
