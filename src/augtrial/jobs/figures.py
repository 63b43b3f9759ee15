"""The job of the figures: draw some and write their files."""

from collections.abc import Mapping, Sequence
from typing import Any

from augtrial.reporting.figures.drawer import draw
from augtrial.reporting.figures.style import FigureStyle


def draw_figures(
    figures: Sequence[Mapping[str, Any]],
    style: Mapping[str, Any],
    *,
    svg: Sequence[str],
    pdf: Sequence[str],
    csv: Sequence[str],
) -> None:
    """Draw figures and write each as SVG and PDF, and its data as CSV.

    Of each figure `kind`, `sources` and `facts` are given (see `drawer.draw`); `style` are the
    values of `FigureStyle`.
    """
    shared = FigureStyle(**style)
    for figure, *files in zip(figures, svg, pdf, csv, strict=True):
        draw(figure["kind"], figure["sources"], shared, figure["facts"]).save(*files)
