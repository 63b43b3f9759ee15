"""Fidelity: each measure of the synthetic images beside what held-out real lesions reach."""

import textwrap

import pandas as pd

from augtrial.figures.style import GREY, Drawing, Look, new_figure, styled

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # of synthesizers, which are no arms


@styled
def draw_fidelity(means: pd.DataFrame, look: Look) -> Drawing:
    """Draw tables/fidelity_means.csv, a panel a measure: synthesizers against real lesions."""
    known = means[means["value"].notna()]
    measures = list(dict.fromkeys(known["measure"]))
    synthesizers = list(dict.fromkeys(known["synthesizer"]))
    columns = 2 if len(measures) > 1 else 1
    lines = max(1, -(-len(measures) // columns))
    rows = [label for label in [*look.classes, "macro"] if label in set(known["class"])]
    figure = new_figure(lines * (0.85 + 0.2 * max(1, len(rows))) + 0.6, 7.2)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    words = []
    marks = {}
    for panel, measure in zip(panels, measures, strict=False):
        own = known[known["measure"] == measure]
        present = [label for label in rows if label in set(own["class"])]
        for number, name in enumerate(synthesizers):
            shift = 0.18 * (number - (len(synthesizers) - 1) / 2)
            mine = own[own["synthesizer"] == name].set_index("class").reindex(present)
            places = [place + shift for place in range(len(present))]
            colour = COLOURS[number % len(COLOURS)]
            spread = mine["sd"].fillna(0)
            panel.errorbar(
                mine["value"], places, xerr=spread, fmt="o", color=colour, ms=6, lw=1.4, label=name
            )
        honest = own.groupby("class")["reference"].mean().reindex(present)
        (mark,) = panel.plot(
            honest, range(len(present)), "D", mfc="white", mec=GREY, ms=7, ls="none", zorder=1
        )
        marks["real, held-out lesions"] = mark
        panel.set_yticks(range(len(present)), present)
        panel.set_ylim(len(present) - 0.4, -0.6)
        panel.set_title(textwrap.fill(measure, 40), fontsize=8.5, loc="left")
        panel.grid(axis="x")
        values = zip(own["synthesizer"], own["class"], own["value"], strict=True)
        told = ", ".join(f"{name} {label} {value:.2f}" for name, label, value in values)
        words.append(f"{measure}: {told}")
    for panel in panels[len(measures) :]:
        panel.set_axis_off()
    if measures:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            [*handles, *marks.values()], [*labels, *marks], loc="outside lower center", ncols=3
        )
    alt = f"Measures of the synthetic images by class. {'; '.join(words)}."
    return Drawing(figure, means, "Fidelity of the synthetic images", alt)
