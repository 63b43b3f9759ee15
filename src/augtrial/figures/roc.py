"""ROC curves of each class against the rest, with intervals."""

import pandas as pd

from augtrial.figures.style import GREY, Drawing, Look, new_figure, styled


@styled
def draw_roc(table: pd.DataFrame, look: Look) -> Drawing:
    """Draw tables/roc.csv, a panel a class, a line an arm, its interval a band."""
    classes = [label for label in look.classes if label in set(table["class"])]
    arms = look.ordered(table["arm"])
    figure = new_figure(2.9 + 0.2 * -(-len(arms) // 3))
    panels = figure.subplots(1, len(classes), sharex=True, sharey=True, squeeze=False)[0]
    for panel, label in zip(panels, classes, strict=True):
        panel.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls="--")
        for arm in arms:
            own = table[(table["arm"] == arm) & (table["class"] == label)]
            x, colour = own["false_positive_rate"], look.colour(arm)
            panel.fill_between(x, own["low"], own["high"], color=colour, alpha=0.12, lw=0)
            panel.plot(x, own["sensitivity"], color=colour, lw=1.6, label=arm)
        panel.set(xlim=(0, 1), ylim=(0, 1.01), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        panel.set_title(label, fontweight="bold")
        panel.set_xlabel("1 \N{MINUS SIGN} specificity")
        panel.grid()
    panels[0].set_ylabel("Sensitivity")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    fifth = table[table["false_positive_rate"] == 0.2]
    means = fifth.groupby("arm", sort=False)["sensitivity"].mean()
    words = ", ".join(f"{arm} {100 * means[arm]:.0f} %" for arm in arms)
    alt = (
        "ROC curves of every arm, a panel a class. Mean sensitivity over the classes at a "
        f"specificity of 80 %: {words}."
    )
    return Drawing(figure, table, "ROC curves", alt)
