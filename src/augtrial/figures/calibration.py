"""Reliability: how often a called class is right, against the probability that it was given."""

import pandas as pd

from augtrial.figures.style import GREY, Drawing, Look, label_outer, new_figure, styled


@styled
def draw_calibration(reliability: pd.DataFrame, calibration: pd.DataFrame, look: Look) -> Drawing:
    """Draw tables/reliability.csv, a panel an arm, with tables/calibration.csv in its title.

    The area of a point is the number of lesions in its bin.
    """
    arms = look.ordered(reliability["arm"])
    values = calibration.set_index(["arm", "measure"])["value"]
    columns = min(3, len(arms))
    lines = -(-len(arms) // columns)
    figure = new_figure(2.1 * lines + 0.4)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    most = reliability["lesions"].max()
    words = []
    for panel, arm in zip(panels, arms, strict=False):
        own = reliability[reliability["arm"] == arm]
        panel.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls="--")
        panel.plot(own["probability"], own["accuracy"], color=look.colour(arm), lw=1.4)
        panel.scatter(
            own["probability"], own["accuracy"], s=8 + 90 * own["lesions"] / most, lw=0,
            color=look.colour(arm), zorder=3,
        )  # fmt: skip
        ece, brier = values[(arm, "ece")], values[(arm, "brier")]
        panel.set_title(f"{arm}\nECE {ece:.2f}, Brier {brier:.2f}", fontsize=9.5)
        panel.set(xlim=(0, 1.02), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        panel.grid()
        words.append(f"{arm} {ece:.2f}")
    label_outer(panels, len(arms), columns, "Probability given", "Share right")
    alt = (
        "Share of right answers against the probability of the called class, a panel an arm. "
        f"Expected calibration error: {', '.join(words)}."
    )
    return Drawing(figure, reliability, "Calibration", alt)
