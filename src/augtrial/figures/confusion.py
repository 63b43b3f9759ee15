"""Confusion matrices: one an arm, the mean over replicates, and the paper's own two."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from augtrial import paper
from augtrial.figures.style import Drawing, Look, new_figure, styled
from augtrial.figures.wording import percent

MANY = 5  # classes from which a matrix takes the whole width


@styled
def draw_confusion(table: pd.DataFrame, look: Look) -> Drawing:
    """Draw tables/confusion.csv: mean counts over replicates, and percent of the true class."""
    classes = [label for label in look.classes if label in set(table["label"])]
    counts = table.groupby(["arm", "label", "predicted"], sort=False)["count"].mean()
    matrices = {
        ("arm", arm): counts[arm].unstack().reindex(index=classes, columns=classes).fillna(0.0)
        for arm in look.ordered(table["arm"])
    }
    if set(classes) == set(paper.CLASSES):
        for system, matrix in paper.CONFUSION.items():
            frame = pd.DataFrame(matrix, paper.CLASSES, paper.CLASSES, dtype=float)
            matrices["paper", system] = frame.loc[classes, classes]
    columns = 1 if len(classes) >= MANY else 2
    lines = -(-len(matrices) // columns)
    figure = new_figure(lines * (4.2 if columns == 1 else 2.35) + 0.9)
    panels = figure.subplots(lines, columns, squeeze=False)
    shown = []
    for panel, ((kind, name), matrix) in zip(panels.ravel(), matrices.items(), strict=False):
        shares = matrix.div(matrix.sum(axis=1).replace(0, np.nan), axis=0)
        _draw_matrix(panel, matrix, shares, "Greys" if kind == "paper" else look.colormap)
        title = f"paper: {name}" if kind == "paper" else name
        panel.set_title(title, fontweight="normal" if kind == "paper" else "bold")
        tidy = matrix.rename_axis(index="label", columns="predicted").stack().rename("count")
        share = shares.rename_axis(index="label", columns="predicted").stack().rename("share")
        shown.append(pd.concat([tidy, share], axis=1).reset_index().assign(kind=kind, name=name))
    for place, panel in enumerate(panels.ravel()):
        if place >= len(matrices):
            panel.set_axis_off()
        elif place % columns == 0:
            panel.set_ylabel("true class")
        else:
            panel.set_yticklabels([])
        if place < len(matrices) <= place + columns:
            panel.set_xlabel("predicted class")
        else:
            panel.set_xticklabels([])
    data = pd.concat(shown)[["kind", "name", "label", "predicted", "count", "share"]]
    return Drawing(figure, data, "Confusion matrices", _words(data))


def _draw_matrix(panel: Axes, matrix: pd.DataFrame, shares: pd.DataFrame, colormap: str) -> None:
    whole = np.allclose(matrix, matrix.round())
    text = np.vectorize(lambda n, share: f"{n:.{0 if whole else 1}f}\n{percent(share, 0)} %")
    sns.heatmap(
        shares,
        ax=panel,
        annot=text(matrix, shares),
        fmt="",
        cmap=colormap,
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=1,
        annot_kws={"fontsize": 9},
    )
    panel.set(xlabel="", ylabel="")
    panel.tick_params(length=0)
    panel.set_xticks(panel.get_xticks(), list(matrix.columns), rotation=35, ha="right")
    panel.set_yticks(panel.get_yticks(), list(matrix.index), rotation=0)


def _words(data: pd.DataFrame) -> str:
    right = data[(data["label"] == data["predicted"]) & (data["kind"] == "arm")]
    arms = [
        f"{arm}: "
        + ", ".join(
            f"{row.label} {percent(row.share, 0)} percent right" for row in rows.itertuples()
        )
        for arm, rows in right.groupby("name", sort=False)
    ]
    return "Confusion matrices, one an arm. " + "; ".join(arms) + "."
