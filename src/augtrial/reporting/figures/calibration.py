"""Reliability: how often a predicted class is right, against the probability that it was given."""

import pandas as pd

from augtrial.reporting.figures.layout import label_outer, panel_grid
from augtrial.reporting.figures.style import GREY, Drawing, FigureStyle, styled


@styled
def draw_calibration(
    reliability: pd.DataFrame, calibration: pd.DataFrame, style: FigureStyle
) -> Drawing:
    """Draw tables/reliability.csv, a panel an arm, with tables/calibration.csv in its title.

    The area of a point is the number of lesions in its bin.
    """
    arms = style.ordered(reliability["arm"])
    values = calibration.set_index(["arm", "measure"])["value"]
    columns = min(3, len(arms))
    figure, panels = panel_grid(len(arms), columns, 2.1, 0.4, sharex=True, sharey=True)
    most = reliability["lesions"].max()
    words = []
    for panel, arm in zip(panels, arms, strict=False):
        rows = reliability[reliability["arm"] == arm]
        panel.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls="--")
        x, y, colour = rows["probability"], rows["accuracy"], style.colour(arm)
        panel.plot(x, y, color=colour, lw=1.4)
        panel.scatter(x, y, s=8 + 90 * rows["lesions"] / most, lw=0, color=colour, zorder=3)
        ece, brier = values[(arm, "ece")], values[(arm, "brier")]
        panel.set_title(f"{arm}\nECE {ece:.2f}, Brier {brier:.2f}", fontsize=9.5)
        panel.set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        panel.grid()
        words.append(f"{arm} {ece:.2f}")
    label_outer(panels, len(arms), columns, "Probability", "Accuracy")
    alt = "Accuracy against the probability of the predicted class, a panel an arm. "
    alt += f"Expected calibration error: {', '.join(words)}."
    return Drawing(figure, reliability, "Calibration", alt)
