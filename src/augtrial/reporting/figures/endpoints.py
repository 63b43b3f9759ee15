"""The leading endpoints of every arm with their intervals, and the paper's values beside them."""

import math

import numpy as np
import pandas as pd

from augtrial.reporting.figures.layout import draw_interval, name_lines, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import LEADING, percent, percent_interval
from augtrial.reporting.published_results import ACGAN, CLASSIC, DCGAN, reference_endpoints

COLUMNS = [
    *("arm", "endpoint", "class", "value", "low", "high"),
    *("replicates", "folds", "lesions", "patients", "paper_system", "paper_value"),
]

# What an arm shares with an arm of the paper (`FigureStyle.paper_counterpart`), and its name there.
PAPER_ARMS = {"classic": CLASSIC, "dcgan": DCGAN, "acgan": ACGAN}


@styled
def draw_endpoints(table: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw the rows of tables/endpoints.csv that the report leads with, an arm a line."""
    arms = style.ordered(table["arm"])
    reference = reference_endpoints(style.classes)
    reference = reference.set_index(["system", "endpoint", "class"])["value"]
    height = 0.42 + 0.27 * len(arms)
    figure, panels = panel_grid(len(LEADING), 1, height, 0.8, sharex=True)
    shown, words, mark = [], [], None
    for panel, (endpoint, category, name) in zip(panels, LEADING, strict=True):
        rows = table[(table["endpoint"] == endpoint) & (table["class"] == category)]
        rows = rows.set_index("arm").reindex(arms).reset_index()
        rows = rows.assign(endpoint=endpoint, **{"class": category})
        rows["paper_system"] = [
            PAPER_ARMS.get(style.paper_counterpart.get(arm, ""), "") for arm in arms
        ]
        rows["paper_value"] = [
            reference.get((system, endpoint, category), math.nan) for system in rows["paper_system"]
        ]
        shown.append(rows)
        for y, row in enumerate(rows.itertuples()):
            text = f"{percent(row.value)} ({percent_interval(row.low, row.high)})"
            circle = {"color": style.colour(row.arm), "marker": "o", "ms": 7}
            draw_interval(panel, y, (row.value, row.low, row.high), text, **circle)
            if not math.isnan(row.paper_value):
                diamond = {"mfc": "white", "mec": GREY, "mew": 1.3, "ms": 7, "ls": "none"}
                (mark,) = panel.plot(100 * row.paper_value, y, "D", zorder=1, **diamond)
            if name == LEADING[0][2]:
                words.append(f"{row.arm} {text}")
        name_lines(panel, arms, name)
    data = pd.concat(shown)
    lowest = np.nanmin([*data[["low", "value", "paper_value"]].to_numpy(float).ravel(), 0.9])
    panels[-1].set_xlim(10 * math.floor(10 * lowest), 101)
    panels[-1].set_xlabel(f"Percent, {style.interval}")
    if mark is not None:
        figure.legend([mark], ["the paper's own cohort"], loc="outside lower right")
    data = data[[name for name in COLUMNS if name in data]]
    alt = "Endpoints of every arm with intervals. Macro sensitivity in percent: "
    return Drawing(figure, data, "Endpoints by arm", f"{alt}{'; '.join(words)}.")
