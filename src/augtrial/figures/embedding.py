"""t-SNE of the classifier's last layer: two arms side by side (the paper's Figure 9)."""

import pandas as pd

from augtrial.figures.style import Drawing, Look, new_figure, styled
from augtrial.figures.wording import percent


@styled
def draw_embedding(points: pd.DataFrame, neighbours: pd.DataFrame, look: Look) -> Drawing:
    """Draw tables/embedding.csv, with the accuracy of tables/embedding_neighbours.csv above.

    Held-out ROIs are large, their variants small. t-SNE's axes have no unit and each map fills its
    panel: who lies beside whom is what it shows.
    """
    arms = list(dict.fromkeys(points["arm"]))
    classes = [label for label in look.classes if label in set(points["label"])]
    figure = new_figure(3.8)
    panels = figure.subplots(1, max(1, len(arms)), squeeze=False)[0]
    words = []
    for panel, arm in zip(panels, arms, strict=False):
        for label in classes:
            colour, marker = look.class_colour(label), look.class_marker(label)
            own = points[(points["arm"] == arm) & (points["label"] == label)]
            small, large = own[own["image"] != "roi"], own[own["image"] == "roi"]
            style = {"color": colour, "marker": marker}
            panel.scatter(small["x"], small["y"], s=9, alpha=0.35, lw=0, **style)
            panel.scatter(large["x"], large["y"], s=48, ec="white", lw=0.7, label=label, **style)
        accuracy = neighbours.set_index("arm").loc[arm]
        right = f"{accuracy['neighbours']:.0f} neighbours: {percent(accuracy['accuracy'])} % right"
        panel.set_title(f"{arm}\n{right}")
        words.append(f"{arm}, {right}")
        panel.set(xticks=[], yticks=[])
        panel.spines[["top", "right"]].set_visible(True)
    if arms:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    alt = f"Maps of the classifier's last layer, coloured by class. {'; '.join(words)}."
    return Drawing(figure, points, "The classifier's last layer", alt)
