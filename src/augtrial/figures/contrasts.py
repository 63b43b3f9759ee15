"""Forest plot: the difference of every contrast in the leading endpoints, with its interval."""

import numpy as np
import pandas as pd

from augtrial.figures.style import GREY, Drawing, Look, new_figure, styled
from augtrial.figures.wording import LEADING, contrast_name, points, points_interval
from augtrial.spelling import contrast_arms

COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high"),
    *("replicates", "folds", "lesions", "patients"),
]


@styled
def draw_contrasts(table: pd.DataFrame, look: Look) -> Drawing:
    """Draw the rows of tables/contrasts.csv that the report leads with."""
    contrasts = list(dict.fromkeys(table["contrast"]))
    figure = new_figure(len(LEADING) * (0.42 + 0.27 * len(contrasts)) + 0.5)
    panels = figure.subplots(len(LEADING), 1, sharex=True, squeeze=False)[:, 0]
    shown, words = [], []
    for panel, (endpoint, category, name) in zip(panels, LEADING, strict=True):
        rows = table[(table["endpoint"] == endpoint) & (table["class"] == category)]
        rows = rows.set_index("contrast").reindex(contrasts).reset_index()
        shown.append(rows.assign(endpoint=endpoint, **{"class": category}))
        for place, row in enumerate(rows.itertuples()):
            colour = look.colour(contrast_arms(row.contrast)[0])
            panel.plot([100 * row.low, 100 * row.high], [place, place], color=colour, lw=2.2)
            panel.plot(100 * row.difference, place, "s", color=colour, ms=6.5)
            text = f"{points(row.difference)} ({points_interval(row.low, row.high)})"
            panel.annotate(
                text.removesuffix(" ()"),
                (1.02, place),
                xycoords=panel.get_yaxis_transform(),
                va="center",
                fontsize=9,
            )
            if name == LEADING[0][2]:
                words.append(f"{contrast_name(row.contrast)} {text}")
        panel.axvline(0, color=GREY, lw=1, zorder=0)
        panel.set_yticks(range(len(contrasts)), [contrast_name(name) for name in contrasts])
        panel.set_ylim(len(contrasts) - 0.4, -0.6)
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.grid(axis="x")
        panel.set_title(name, loc="left", fontweight="bold")
    data = pd.concat(shown)
    edge = 100 * np.nanmax([*data[["low", "high", "difference"]].abs().to_numpy().ravel(), 0.04])
    panels[-1].set_xlim(-1.06 * edge, 1.06 * edge)
    panels[-1].set_xlabel(f"Percentage points, {look.interval}")
    return Drawing(
        figure,
        data[[name for name in COLUMNS if name in data]],
        "Differences between arms",
        f"Forest plot of the differences. Macro sensitivity, in percentage points: "
        f"{'; '.join(words)}.",
    )
