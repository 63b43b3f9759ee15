"""Fidelity: each measure of the synthetic images beside what held-out real lesions reach."""

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from augtrial.reporting.figures.layout import panel_grid
from augtrial.reporting.figures.style import GREY, SERIES_COLOURS, Drawing, FigureStyle, styled


@styled
def draw_fidelity(means: pd.DataFrame, style: FigureStyle) -> Drawing:
    """Draw tables/fidelity_means.csv, a panel a measure: synthesizers against real lesions."""
    known = means[means["value"].notna()]
    measures = list(dict.fromkeys(known["measure"]))
    synthesizers = list(dict.fromkeys(known["synthesizer"]))
    columns = 2 if len(measures) > 1 else 1
    classes = [label for label in [*style.classes, "macro"] if label in set(known["class"])]
    height = 0.85 + 0.2 * max(1, len(classes))
    figure, panels = panel_grid(len(measures), columns, height, 0.6, 7.2)
    words = []
    for panel, measure in zip(panels, measures, strict=False):
        rows = known[known["measure"] == measure]
        present = [label for label in classes if label in set(rows["class"])]
        _draw_measure(panel, rows, present, synthesizers)
        panel.set_title(textwrap.fill(measure, 40), fontsize=8.5, loc="left")
        values = zip(rows["synthesizer"], rows["class"], rows["value"], strict=True)
        written = ", ".join(f"{name} {label} {value:.2f}" for name, label, value in values)
        words.append(f"{measure}: {written}")
    for panel in panels[len(measures) :]:
        panel.set_axis_off()
    if measures:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    alt = f"Measures of the synthetic images by class. {'; '.join(words)}."
    return Drawing(figure, means, "Fidelity of the synthetic images", alt)


def _draw_measure(
    panel: Axes, rows: pd.DataFrame, classes: list[str], synthesizers: list[str]
) -> None:
    """Draw a measure, a line a class: each synthesizer with its spread, and the reference."""
    for number, name in enumerate(synthesizers):
        shift = 0.18 * (number - (len(synthesizers) - 1) / 2)
        values = rows[rows["synthesizer"] == name].set_index("class").reindex(classes)
        x, y = values["value"], [line + shift for line in range(len(classes))]
        spread, colour = values["sd"].fillna(0), SERIES_COLOURS[number % len(SERIES_COLOURS)]
        panel.errorbar(x, y, xerr=spread, fmt="o", ms=6, lw=1.4, color=colour, label=name)
    reference = rows.groupby("class")["reference"].mean().reindex(classes)
    diamond: dict[str, Any] = {"mfc": "white", "mec": GREY, "ms": 7, "ls": "none", "zorder": 1}
    panel.plot(reference, range(len(classes)), "D", label="real lesions", **diamond)
    panel.set_yticks(range(len(classes)), classes)
    panel.set_ylim(len(classes) - 0.4, -0.6)
    panel.grid(axis="x")
