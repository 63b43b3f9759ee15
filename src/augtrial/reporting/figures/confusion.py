"""Confusion matrices: one an arm, the mean over replicates, and the paper's two."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from augtrial.reporting import published_results
from augtrial.reporting.figures.layout import panel_grid
from augtrial.reporting.figures.style import Drawing, FigureStyle, styled
from augtrial.reporting.figures.wording import percent

MANY = 5  # classes from which a matrix takes the whole width


@styled
def draw_confusion(table: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw tables/confusion.csv: mean counts over replicates, and percent of the true class."""
    classes = [label for label in style.classes if label in set(table["label"])]
    counts = table.groupby(["arm", "label", "predicted"], sort=False)["count"].mean()
    matrices = {
        ("arm", arm): counts[arm].unstack().reindex(index=classes, columns=classes).fillna(0.0)
        for arm in style.ordered(table["arm"])
    }
    if set(classes) == set(published_results.CLASSES):
        names = published_results.CLASSES
        for system, matrix in published_results.CONFUSION.items():
            frame = pd.DataFrame(matrix, names, names, dtype=float)
            matrices["paper", system] = frame.loc[classes, classes]
    columns = 1 if len(classes) >= MANY else 2
    figure, panels = panel_grid(len(matrices), columns, 4.2 if columns == 1 else 2.35, 0.9)
    shown = []
    for panel, ((kind, name), matrix) in zip(panels, matrices.items(), strict=False):
        shares = matrix.div(matrix.sum(axis=1).replace(0, np.nan), axis=0)
        _draw_matrix(panel, matrix, shares, "Greys" if kind == "paper" else style.colormap)
        title = f"paper: {name}" if kind == "paper" else name
        panel.set_title(title, fontweight="normal" if kind == "paper" else "bold")
        tidy = pd.DataFrame({"count": matrix.stack(), "share": shares.stack()})
        tidy = tidy.rename_axis(["label", "predicted"]).reset_index()
        shown.append(tidy.assign(kind=kind, name=name))
    for number, panel in enumerate(panels):
        if number >= len(matrices):
            panel.set_axis_off()
        elif number % columns == 0:
            panel.set_ylabel("true class")
        else:
            panel.set_yticklabels([])
        if number < len(matrices) <= number + columns:
            panel.set_xlabel("predicted class")
        else:
            panel.set_xticklabels([])
    data = pd.concat(shown)[["kind", "name", "label", "predicted", "count", "share"]]
    return Drawing(figure, data, "Confusion matrices", _alt_text(data))


def _draw_matrix(panel: Axes, matrix: pd.DataFrame, shares: pd.DataFrame, colormap: str) -> None:
    whole = np.allclose(matrix, matrix.round())
    text = np.vectorize(lambda n, share: f"{n:.{0 if whole else 1}f}\n{percent(share, 0)} %")
    written = {"annot": text(matrix, shares), "fmt": "", "annot_kws": {"fontsize": 9}}
    sns.heatmap(
        shares, ax=panel, cmap=colormap, vmin=0, vmax=1, cbar=False, linewidths=1, **written
    )
    panel.set(xlabel="", ylabel="")
    panel.tick_params(length=0)
    panel.set_xticks(panel.get_xticks(), list(matrix.columns), rotation=35, ha="right")
    panel.set_yticks(panel.get_yticks(), list(matrix.index), rotation=0)


def _alt_text(data: pd.DataFrame) -> str:
    right = data[(data["label"] == data["predicted"]) & (data["kind"] == "arm")]
    words = right["label"] + " " + right["share"].map(lambda x: percent(x, 0)) + " percent right"
    arms = [f"{arm}: {', '.join(row)}" for arm, row in words.groupby(right["name"], sort=False)]
    return f"Confusion matrices, one an arm. {'; '.join(arms)}."
