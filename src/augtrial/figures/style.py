"""What all figures share: colours, sizes, fonts, and how a drawing becomes files.

Equal data gives equal bytes: no dates, no random ids. SVG text stays text in a generic font.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter

from augtrial.files import write_table, written_whole

WIDTH = 5.6  # inches: text of 10 points is still legible when a phone shows the whole width
WIDE = 7.2  # pictures of lesions
GREY, PALE = "#555555", "#9a9a9a"
# Classes have colours of their own, so that no class is taken for an arm; the shapes repeat them.
CLASS_COLOURS = ("#004488", "#BB5566", "#DDAA33", "#228833", "#66CCEE", "#AA3377", "#777777")
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X")

RC = {
    # Laid out with the font that Matplotlib brings; a viewer without it takes a narrower one.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "augtrial",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
}


@dataclass(frozen=True)
class Look:
    """What figures need to know of a study: names in their order, colours, how many examples.

    `like` gives for an arm what it shares with an arm of the paper: `classic`, or the network.
    """

    arms: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    palette: str = "colorblind"
    colormap: str = "Blues"
    examples: int = 8
    like: dict[str, str] = field(default_factory=dict)
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

    def class_colour(self, label: str) -> str:
        """Return the colour of a class."""
        return CLASS_COLOURS[self.classes.index(label) % len(CLASS_COLOURS)]

    def class_marker(self, label: str) -> str:
        """Return the shape that marks a class."""
        return CLASS_MARKERS[self.classes.index(label) % len(CLASS_MARKERS)]


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
            about = {"Title": self.title, "Description": self.alt, "Date": None}
            with written_whole(svg) as draft:
                self.figure.savefig(draft, metadata={**about, "Creator": "augtrial"})
            about = {"Title": self.title, "Creator": "augtrial", "CreationDate": None}
            with written_whole(pdf) as draft:
                self.figure.savefig(draft, metadata=about)
        write_table(csv, self.data)


def styled(draw: Callable[..., Drawing]) -> Callable[..., Drawing]:
    """Let a drawing function work in the project's style and leave the caller's as it was.

    What its `Look` calls differently is written so.
    """

    @wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Drawing:
        with matplotlib.rc_context(RC):
            drawing = draw(*args, **kwargs)
            for look in (*args, *kwargs.values()):
                if isinstance(look, Look) and look.labels:
                    _relabel(drawing.figure, look)
            return drawing

    return drawn


def _relabel(figure: Figure, look: Look) -> None:
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            names = axis.get_major_formatter()
            if isinstance(names, FixedFormatter | FuncFormatter):  # they write again when drawn
                told = partial(_told, look, names)
                axis.set_major_formatter(FuncFormatter(told))
    for text in figure.findobj(Text):
        text.set_text(look.label(text.get_text()))


def _told(look: Look, names: Formatter, place: float, position: int | None) -> str:
    return look.label(names(place, position))


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure (inches) that makes room for its labels."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.08, hspace=0.02, wspace=0.02)
    return figure


def label_outer(panels: Sequence[Axes], used: int, columns: int, x: str, y: str) -> None:
    """Label a grid of panels at its outside only, and leave the places after `used` empty.

    Where the last row is not full, the panels above the empty places carry the x axis.
    """
    for panel in panels[used:]:
        panel.set_axis_off()
    for panel in panels[:used][-columns:]:
        panel.set_xlabel(x)
        panel.tick_params(labelbottom=True)
    for panel in panels[::columns]:
        panel.set_ylabel(y)
