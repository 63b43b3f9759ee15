"""What all figures share: colours, sizes, fonts, and how a drawing becomes files.

Equal data gives equal bytes: no dates, no random ids. SVG text stays text in a generic font.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

from augtrial.core.io import atomic_write, write_table

WIDTH = 5.6  # inches: text of 10 points is still legible when a phone shows the whole width
WIDE = 7.2  # pictures of lesions
GREY, PALE = "#555555", "#9a9a9a"
# Classes have other colours than arms, so that none is taken for an arm; the shapes repeat them.
CLASS_COLOURS = ("#004488", "#BB5566", "#DDAA33", "#228833", "#66CCEE", "#AA3377", "#777777")
SERIES_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # of what is no arm and no class
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X")

RC: dict[Any, Any] = {
    # Laid out with the font that Matplotlib brings; a viewer without it takes a narrower one.
    **{"font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"]},
    **{"font.size": 10, "axes.titlesize": 10.5, "axes.labelsize": 10},
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9.5),
    **dict.fromkeys(("legend.frameon", "axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), GREY),
    **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), "black"),
    **{"axes.linewidth": 0.8, "grid.linewidth": 0.8, "grid.color": "#e4e4e4"},
    **{"axes.axisbelow": True, "figure.facecolor": "white"},
    **{"svg.fonttype": "none", "svg.hashsalt": "augtrial", "pdf.fonttype": 42},
    "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
}


@dataclass(frozen=True)
class FigureStyle:
    """What figures need to know of a study: names in their order, colours, how many examples.

    `paper_counterpart` gives for an arm what it shares with an arm of the paper: `classic`, or the
    kind of its synthesizer. `labels` gives texts to write instead of others.
    """

    arms: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    palette: str = "colorblind"
    colormap: str = "Blues"
    examples: int = 8
    paper_counterpart: dict[str, str] = field(default_factory=dict)
    confidence: float = 0.95
    labels: dict[str, str] = field(default_factory=dict)

    def label(self, text: str) -> str:
        """Return what a figure writes for a text: all of it, or its lines, or the names in it."""
        if text in self.labels:
            return self.labels[text]
        for between in ("\n", ": ", " \N{MINUS SIGN} ", ", "):
            if between in text:
                return between.join(map(self.label, text.split(between)))
        return text

    @property
    def interval(self) -> str:
        """Return what an axis says of its intervals."""
        return f"with {100 * self.confidence:g} % interval"

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Return the arms in the data, each once: in the study's order, then any others."""
        present = list(dict.fromkeys(names))
        known = [arm for arm in self.arms if arm in present]
        return known + [name for name in present if name not in self.arms]

    def colour(self, name: str, others: Iterable[str] = ()) -> Any:
        """Return an arm's colour, the same in all figures; `others` come after the arms."""
        import seaborn as sns  # takes a second, and pictures of lesions have no palette

        names = list(dict.fromkeys([*self.arms, *others, name]))
        colours = sns.color_palette(self.palette)
        if len(names) > len(colours):
            colours = sns.color_palette("husl", len(names))
        return colours[names.index(name)]

    def class_mark(self, label: str) -> dict[str, Any]:
        """Return the colour and the shape that mark a class."""
        number = self.classes.index(label) % len(CLASS_COLOURS)
        return {"color": CLASS_COLOURS[number], "marker": CLASS_MARKERS[number]}


@dataclass(frozen=True)
class Drawing:
    """A figure, the data that it shows as a tidy table, and what it shows in words."""

    figure: Figure
    data: pd.DataFrame
    title: str
    alt: str

    def save(self, svg: str | Path, pdf: str | Path, csv: str | Path) -> None:
        """Write the figure as SVG (its description inside) and PDF, and its data as CSV."""
        with matplotlib.rc_context(RC):
            self.figure.draw_without_rendering()
            self.figure.set_layout_engine("none")  # laid out once, for both formats
            about = {"Title": self.title, "Creator": "augtrial"}
            described = {"Description": self.alt, "Date": None}
            for path, more in ((svg, described), (pdf, {"CreationDate": None})):
                with atomic_write(path) as draft:
                    self.figure.savefig(draft, metadata={**about, **more})
        write_table(csv, self.data)


def styled(draw: Callable[..., Drawing]) -> Callable[..., Drawing]:
    """Let a drawing function work in the project's style and leave the caller's as it was.

    Texts are replaced by the labels of its `FigureStyle`.
    """

    @wraps(draw)
    def draw_styled(*args: Any, **kwargs: Any) -> Drawing:
        with matplotlib.rc_context(RC):
            drawing = draw(*args, **kwargs)
            for style in (*args, *kwargs.values()):
                if isinstance(style, FigureStyle) and style.labels:
                    _relabel(drawing.figure, style)
            return drawing

    return draw_styled


def _relabel(figure: Figure, style: FigureStyle) -> None:
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            formatter = axis.get_major_formatter()
            if isinstance(formatter, FixedFormatter | FuncFormatter):  # they write when drawn
                axis.set_major_formatter(_relabelled(formatter, style))
    for text in figure.findobj(Text):
        text.set_text(style.label(text.get_text()))


def _relabelled(formatter: Formatter, style: FigureStyle) -> Formatter:
    return FuncFormatter(lambda value, position: style.label(formatter(value, position)))
