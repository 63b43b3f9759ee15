"""ROC curves of each class against the rest, with intervals."""

import math

import pandas as pd

from augtrial.reporting.figures.layout import legend_below, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled


@styled
def draw_roc(table: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw tables/roc.csv, a panel a class, a line an arm, its interval a band."""
    classes = [label for label in style.classes if label in set(table["class"])]
    arms = style.ordered(table["arm"])
    height = 2.9 + 0.2 * math.ceil(len(arms) / 3)
    figure, panels = panel_grid(len(classes), len(classes), height, 0, sharex=True, sharey=True)
    for panel, label in zip(panels, classes, strict=True):
        panel.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls="--")
        for arm in arms:
            curve = table[(table["arm"] == arm) & (table["class"] == label)]
            x, colour = curve["false_positive_rate"], style.colour(arm)
            panel.fill_between(x, curve["low"], curve["high"], color=colour, alpha=0.12, lw=0)
            panel.plot(x, curve["sensitivity"], color=colour, lw=1.6, label=arm)
        panel.set(xlim=(0, 1), ylim=(0, 1.01), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        panel.set_title(label, fontweight="bold")
        panel.set_xlabel("1 \N{MINUS SIGN} specificity")
        panel.grid()
    panels[0].set_ylabel("Sensitivity")
    legend_below(figure, panels, 3)
    fifth = table[table["false_positive_rate"] == 0.2]
    means = fifth.groupby("arm", sort=False)["sensitivity"].mean()
    words = ", ".join(f"{arm} {100 * means[arm]:.0f} %" for arm in arms)
    alt = "ROC curves of every arm, a panel a class. Mean sensitivity over the classes at a "
    alt += f"specificity of 80 %: {words}."
    return Drawing(figure, table, "ROC curves", alt)
