"""Forest plot: the difference of every contrast in the leading endpoints, with its interval."""

import numpy as np
import pandas as pd

from augtrial.core.names import contrast_arms
from augtrial.reporting.figures.layout import draw_interval, name_lines, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import LEADING, contrast_name, points, points_interval

COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high"),
    *("replicates", "folds", "lesions", "patients", "not_evaluable"),
]


@styled
def draw_contrasts(table: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw the rows of tables/contrasts.csv that the report leads with."""
    contrasts = list(dict.fromkeys(table["contrast"]))
    # An empty cell is read as NaN; a table made elsewhere may lack the column.
    reasons = table["not_evaluable"] if "not_evaluable" in table else pd.Series(dtype=str)
    table = table.assign(not_evaluable=reasons.reindex(table.index).fillna("").astype(str))
    height = 0.42 + 0.27 * len(contrasts)
    figure, panels = panel_grid(len(LEADING), 1, height, 0.5, sharex=True)
    shown, words = [], []
    for panel, (endpoint, category, name) in zip(panels, LEADING, strict=True):
        rows = table[(table["endpoint"] == endpoint) & (table["class"] == category)]
        rows = rows.set_index("contrast").reindex(contrasts).reset_index()
        shown.append(rows.assign(endpoint=endpoint, **{"class": category}))
        for y, row in enumerate(rows.itertuples()):
            text = f"{points(row.difference)} ({points_interval(row.low, row.high)})"
            unfit = bool(row.not_evaluable)
            colour = GREY if unfit else style.colour(contrast_arms(row.contrast)[0])
            text += " not evaluable" if unfit else ""
            mark = {"color": colour, "marker": "s", "ms": 6.5}
            draw_interval(panel, y, (row.difference, row.low, row.high), text, **mark)
            if name == LEADING[0][2]:
                words.append(f"{contrast_name(row.contrast)} {text}")
        panel.axvline(0, color=GREY, lw=1, zorder=0)
        name_lines(panel, [contrast_name(contrast) for contrast in contrasts], name)
    data = pd.concat(shown)
    edge = 100 * np.nanmax([*data[["low", "high", "difference"]].abs().to_numpy().ravel(), 0.04])
    panels[-1].set_xlim(-1.06 * edge, 1.06 * edge)
    panels[-1].set_xlabel(f"Percentage points, {style.interval}")
    data = data[[name for name in COLUMNS if name in data]]
    alt = "Forest plot of the differences. Macro sensitivity, in percentage points: "
    return Drawing(figure, data, "Differences between arms", f"{alt}{'; '.join(words)}.")
