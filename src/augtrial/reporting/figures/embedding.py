"""t-SNE of the classifier's last layer: two arms side by side (the paper's Figure 9)."""

import pandas as pd

from augtrial.reporting.figures.layout import legend_below, panel_grid
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import percent


@styled
def draw_embedding(points: pd.DataFrame, neighbours: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw tables/embedding.csv, with the accuracy of tables/embedding_neighbours.csv above.

    Held-out ROIs are large, their variants small. t-SNE's axes have no unit and each map fills its
    panel: who lies beside whom is what it shows.
    """
    arms = list(dict.fromkeys(points["arm"]))
    classes = [label for label in style.classes if label in set(points["label"])]
    figure, panels = panel_grid(len(arms), max(1, len(arms)), 3.8, 0)
    words = []
    for panel, arm in zip(panels, arms, strict=False):
        for label in classes:
            shown = points[(points["arm"] == arm) & (points["label"] == label)]
            small, large = shown[shown["image"] != "roi"], shown[shown["image"] == "roi"]
            mark = style.class_mark(label)
            panel.scatter(small["x"], small["y"], s=9, alpha=0.35, lw=0, **mark)
            panel.scatter(large["x"], large["y"], s=48, ec="white", lw=0.7, label=label, **mark)
        accuracy = neighbours.set_index("arm").loc[arm]
        right = f"{accuracy['neighbours']:.0f} neighbours: {percent(accuracy['accuracy'])} % right"
        panel.set_title(f"{arm}\n{right}")
        words.append(f"{arm}, {right}")
        panel.set(xticks=[], yticks=[])
        panel.spines[["top", "right"]].set_visible(True)
    if arms:
        legend_below(figure, panels[:1], 3)
    alt = f"Maps of the classifier's last layer, coloured by class. {'; '.join(words)}."
    return Drawing(figure, points, "The classifier's last layer", alt)
