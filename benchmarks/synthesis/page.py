"""What the rows say: the answers to the targets, tables, a figure, and contact sheets.

Values are medians over seeds; a recipe is fit where the rule of fitness finds no fault in a class.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from augtrial.core.io import atomic_write
from augtrial.statistics.fitness import fitness_table, unfit_synthesizers
from benchmarks.paired import ROOT, markdown
from benchmarks.synthesis import run
from benchmarks.synthesis.cohorts import SOURCES
from benchmarks.synthesis.measure import FITNESS
from benchmarks.synthesis.recipes import BY_NAME, RECIPES

FOLDER = ROOT / "docs/results/synthesis"
FIGURE = FOLDER.with_suffix(".svg")
BITS = 4  # of a contact sheet's pixel, so that a cohort's take less than a megabyte
MARGIN = 130  # pixels for the names of its rows
IN_SHEETS = ("dcgan", "acgan", "flow", "paste-flow", "lesion-paste", "mixup")
FAST = {"a fit DCGAN within 2 core-minutes a class": ("dcgan", 120)}
FAST |= {"a fit flow within 4 core-minutes a class": ("flow", 240)}
LONG = 900
BEST = f"at {LONG // 60} core-minutes a class, as good as held-out lesions"
CURVES = {
    "coverage": "coverage",
    "texture KID": "texture KID",
    "told from unseen": "told from unseen (AUC)",
}


def current(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last settings of each cohort and recipe."""
    last = rows.groupby(["cohort", "recipe"])["settings"].transform("last")
    return rows[rows["settings"] == last]


def long_table(rows: pd.DataFrame, measures: tuple[str, ...] = FITNESS) -> pd.DataFrame:
    """Return a row a training, class and measure, as `statistics.fitness` reads them."""
    about = ["cohort", "recipe", "weights", "seed", "point", "class", "samples", "seen", "unseen"]
    found = []
    for measure in measures:
        part = rows[about].assign(measure=measure, value=rows[measure])
        found.append(part.assign(reference=rows[f"{measure}, real"]))
    return pd.concat(found, ignore_index=True)


def faults(rows: pd.DataFrame) -> dict[tuple[str, str, int], str]:
    """Return recipe, weights and point -> what is wrong, empty if fit, of one cohort's rows."""
    found = {}
    for key, part in rows.groupby(["recipe", "weights", "point"], sort=False):
        name = str(key[0])
        measures = long_table(part).rename(columns={"seed": "replicate"})
        judged = fitness_table(measures.assign(synthesizer=name, fold=1))
        found[key] = unfit_synthesizers(judged).get(name, "").removeprefix(f"{name} ")
    return found


def answers(rows: pd.DataFrame) -> list[tuple[str, str, str, str]]:
    """Return cohort, target, yes, no or "not measured", and by what."""
    found = []
    for where, part in current(rows).groupby("cohort", sort=False):
        judged = faults(part)
        for target, (kind, most) in FAST.items():
            of_kind = {
                key: fault
                for key, fault in judged.items()
                if BY_NAME[key[0]].kind == kind and key[2] <= most
            }
            found.append((str(where), target, *_fast(of_kind)))
        found.append((str(where), BEST, *_best(part[part["point"] == LONG])))
    return found


def _fast(judged: dict[tuple[str, str, int], str]) -> tuple[str, str]:
    if not judged:
        return "not measured", ""
    fit = [key for key, fault in judged.items() if not fault]
    if not fit:
        # What lacks least in words, of the longest trainings.
        name, weights, point = min(judged, key=lambda key: (-key[2], len(judged[key])))
        return "no", f"{name}, {weights}, at {point} s {judged[name, weights, point]}"
    name, weights, point = min(fit, key=lambda key: key[2])
    return "yes", f"{name}, {weights}, at {point} s"


def _best(rows: pd.DataFrame) -> tuple[str, str]:
    """Return whether a recipe meets all three limits in all classes, and the one that is best."""
    if rows.empty:
        return "not measured", ""
    missed = {key: list(_missed(part)) for key, part in rows.groupby(["recipe", "weights"])}
    (name, weights), lacking = min(missed.items(), key=lambda each: len(each[1]))
    return "no" if lacking else "yes", "; ".join([f"{name}, {weights}", *lacking])


def _missed(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what a recipe's images lack, class by class."""
    for label, part in rows.groupby("class"):
        middle = part.drop(columns=["fit", "machine"]).median(numeric_only=True)
        limits = [
            ("coverage", middle["coverage"] >= 0.8 * middle["coverage, real"]),
            ("near-duplicates", middle["near-duplicates"] <= middle["near-duplicates, real"]),
            (
                "class consistency",
                middle["class consistency"] >= 0.9 * middle["class consistency, real"],
            ),
        ]
        for measure, met in limits:
            if not met:
                value, real = middle[measure], middle[f"{measure}, real"]
                yield f"{label}: {measure} {value:.2f}, held-out lesions {real:.2f}"


def text() -> str:
    """Return the page's part; the figure and the contact sheets are drawn beside it."""
    rows = current(run.rows_of(run.VALUES))
    if rows.empty:
        return "Nothing is measured yet."
    draw_figure(rows, FIGURE)
    parts = [_about(rows), markdown(["cohort", "target", "met", "by"], answers(rows))]
    parts.append(f"![Quality against core-seconds](results/{FIGURE.name})")
    for where, part in rows.groupby("cohort", sort=False):
        for point in (run.EARLY, LONG):
            if (part["point"] == point).any():
                title = f"{SOURCES[str(where)].title} at {point} core-seconds a class"
                parts.append(f"{title[0].upper()}{title[1:]}:\n\n{table(part, point)}")
        sheets = [
            f"[{path.stem}](results/{FOLDER.name}/{path.name})" for path in draw_sheets(where)
        ]
        if sheets:
            parts.append(f"Images, uncurated: {', '.join(sheets)}.")
    return "\n\n".join(parts)


def _about(rows: pd.DataFrame) -> str:
    seeds = rows.groupby("cohort")["seed"].nunique()
    numbers = ", ".join(f"{SOURCES[str(where)].title} {n}" for where, n in seeds.items())
    return f"""[Every value](results/{run.VALUES.name}). Core-seconds are those of the training
alone, a class's share of a joint network's. Each flow is trained anew for each point, with as many
updates as fit in by the rate of its first ones, since its schedule ends with its training; all
others pass the points. {run.SAMPLES} samples a class; medians over seeds (at most: {numbers}),
means over classes; in brackets the value of held-out real lesions. `copies` are suspected ones;
`told` is the AUC of a linear classifier of features, held-out against synthetic images, 0.5 if it
cannot tell."""


def table(rows: pd.DataFrame, point: int) -> str:
    """Return the measures of one cohort's recipes at a point, the untrained ones included."""
    judged = faults(rows)
    chosen = rows[rows["point"].isin((0, point))]
    columns = ["recipe", "weights", "updates", "fit from", "copies", "told"]
    columns[4:4] = [*FITNESS, "texture KID"]
    lines = []
    order = [recipe.name for recipe in RECIPES]
    keys = chosen[["recipe", "weights"]].drop_duplicates().itertuples(index=False)
    for name, weights in sorted(keys, key=lambda key: (order.index(key[0]), key[1])):
        part = chosen[(chosen["recipe"] == name) & (chosen["weights"] == weights)]
        fit = [key[2] for key, fault in judged.items() if key[:2] == (name, weights) and not fault]
        shown = (*FITNESS, "texture KID", "suspected copies", "told from unseen")
        cells = [_cell(part, measure) for measure in shown]
        first = f"{min(fit)} s" if fit else "never"
        lines.append([name, weights, f"{part['updates'].median():.0f}", first, *cells])
    return markdown(columns, lines)


def _cell(rows: pd.DataFrame, measure: str) -> str:
    names = [measure, f"{measure}, real"]
    value, real = rows.groupby("class")[names].median().mean()
    return "" if pd.isna(value) else f"{value:.2f} ({real:.2f})"


def draw_figure(rows: pd.DataFrame, path: Path) -> None:
    """Draw three measures against core-seconds, a column a cohort, a line a telling recipe."""
    import matplotlib
    from matplotlib.figure import Figure

    names = [recipe.name for recipe in RECIPES if (rows["recipe"] == recipe.name).any()]
    cohorts = list(dict.fromkeys(rows["cohort"]))
    with matplotlib.rc_context({"svg.hashsalt": "augtrial", "svg.fonttype": "none"}):
        figure = Figure(figsize=(3.2 * len(cohorts) + 1.6, 7.2), layout="constrained")
        axes = figure.subplots(len(CURVES), len(cohorts), sharex=True, squeeze=False)
        for column, where in zip(axes.T, cohorts, strict=True):
            column[0].set_title(SOURCES[where].title)
            column[-1].set_xlabel("core-seconds a class")
            for axis, measure in zip(column, CURVES, strict=True):
                _draw_curves(axis, rows[rows["cohort"] == where], measure, names)
        for axis, label in zip(axes[:, 0], CURVES.values(), strict=True):
            axis.set_ylabel(label)
        handles: dict = {}
        for axis in axes.flat:
            handles |= dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
        figure.legend(handles.values(), handles, loc="outside right upper", frameon=False)
        with atomic_write(path) as draft:
            figure.savefig(draft, metadata={"Date": None})


def _draw_curves(axis, rows: pd.DataFrame, measure: str, names: list[str]) -> None:
    axis.set_xscale("log")
    if measure.endswith("KID"):
        axis.set_yscale("symlog", linthresh=0.1)
    points = rows.loc[rows["point"] > 0, "point"]
    ends = (points.min(), points.max()) if len(points) else (1, 10)
    for number, name in enumerate(names):
        recipe = BY_NAME[name]
        part = rows[(rows["recipe"] == name) & (rows["weights"] == recipe.weights[-1])]
        by_class = part.groupby(["point", "class"])[measure].median()
        values = by_class.groupby("point").mean()
        colour = f"C{number % 10}"
        if recipe.is_trained:
            style = "-o" if recipe.telling else ":."
            axis.plot(values.index, values, style, color=colour, ms=3, lw=1, label=name)
        elif len(values):
            axis.plot(ends, [values.iloc[0]] * 2, "--", color=colour, lw=1, label=name)
    real = rows.groupby("class")[f"{measure}, real"].median().mean()
    axis.axhline(real, color="black", lw=0.8, label="held-out lesions")


def draw_sheets(where: object) -> list[Path]:
    """Draw a cohort's contact sheets, one a class, from the images that were kept.

    Without kept images the sheets stay as they are. Returns those that there are.
    """
    shown = run.shown_path("", "", "", 0).parent
    labels = sorted({path.name.split(".")[1] for path in shown.glob(f"{where}.*.npy")})
    for label in labels:
        rows = {"real": run.shown_path(str(where), label, run.REAL, 0)}
        for name in IN_SHEETS:
            rows |= {
                f"{name} {point} s" if point else name: run.shown_path(
                    str(where), label, name, point
                )
                for point in (0, *run.SHEETS)
            }
        draw_sheet({k: np.load(path) for k, path in rows.items() if path.exists()}, where, label)
    return sorted(FOLDER.glob(f"{where}-*.png"))


def draw_sheet(rows: dict[str, np.ndarray], where: object, label: str) -> None:
    """Write one sheet: a line of images uint8 [n, s, s] with its name for each row."""
    side = next(iter(rows.values())).shape[-1]
    widest = max(map(len, rows.values()))
    sheet = Image.new("L", (MARGIN + side * widest, side * len(rows)), 255)
    pen = ImageDraw.Draw(sheet)
    for number, (name, images) in enumerate(rows.items()):
        pen.text((4, number * side + side // 2 - 6), name, fill=0)
        sheet.paste(Image.fromarray(np.concatenate(list(images), axis=1)), (MARGIN, number * side))
    levels = 2**BITS - 1
    small = Image.fromarray(np.round(np.asarray(sheet) * (levels / 255)).astype(np.uint8), "P")
    small.putpalette([round(255 * level / levels) for level in range(levels + 1) for _ in "RGB"])
    with atomic_write(FOLDER / f"{where}-{label}.png") as draft:
        small.save(draft, optimize=True, bits=BITS)
