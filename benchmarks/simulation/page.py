"""The tables of docs/results/simulation.md, from studies.csv."""

import pandas as pd

from benchmarks.paired import markdown
from benchmarks.simulation.cells import FAMILY, cells

PAIRED, SINGLE, FALSE = 0.93, 0.92, 0.06  # what must hold
EXCESS = 0.975  # a coverage above which the excess width is shown
NAMES = {
    ("sensitivity", "macro"): "macro sensitivity",
    ("specificity", "macro"): "macro specificity",
    ("accuracy", "all"): "accuracy",
    ("auc", "macro"): "AUC",
}


def page(found: pd.DataFrame) -> str:
    """Return the table of the intervals, and that of the verdicts on macro sensitivity."""
    return f"{intervals(found)}\n\n{verdicts(found)}\n"


def intervals(found: pd.DataFrame) -> str:
    """Return the coverage of every cell and endpoint, in percent; what does not hold is bold."""
    rows = []
    for row in found.to_dict("records"):
        given = row["cell"].startswith("given")
        kind = ", given" if given else ""
        paired, single = row[f"paired{kind}"], row[f"single{kind}"]
        wide = row["half width"] / row["ideal half width"] if paired > EXCESS else float("nan")
        beside = [f" ({_percent(row[name])})" if given else "" for name in ("paired", "single")]
        rows.append(
            [
                row["cell"],
                NAMES.get((row["endpoint"], row["class"]), "sensitivity, last class"),
                _percent(row["not estimable"]),
                _held(paired, PAIRED) + beside[0],
                "" if pd.isna(wide) else f"x {wide:.2f}",
                "" if pd.isna(row["half width"]) else f"{100 * row['half width']:.1f}",
                _held(single, SINGLE) + beside[1],
            ]
        )
    columns = ["cell", "endpoint", "not estimable", "paired", "excess width", "+- points", "single"]
    return markdown(columns, rows)


def verdicts(found: pd.DataFrame) -> str:
    """Return how often each verdict is given on macro sensitivity, in percent."""
    notes = {cell.name: cell.note for cell in cells()}
    chosen = found[(found["endpoint"] == "sensitivity") & (found["class"] == "macro")]
    rows = []
    for row in chosen.to_dict("records"):
        false = "family" if row["cell"] == FAMILY else "false gain or loss"
        rows.append(
            [
                row["cell"] + (f" ({notes[row['cell']]})" if notes[row["cell"]] else ""),
                f"{100 * row['truth']:.1f}",
                *(_percent(row[word]) for word in ("gain", "loss", "no difference")),
                _claimed(row[false]),
                _claimed(row["false no difference"]),
                f"{100 * row['detectable low']:.1f} to {100 * row['detectable high']:.1f}",
            ]
        )
    columns = ["cell", "truth, points", "gain", "loss", "no relevant difference"]
    columns += ["false gain or loss", "false no difference", "detectable, points (medians)"]
    return markdown(columns, rows)


def _percent(share: float) -> str:
    return "" if pd.isna(share) else f"{100 * share:.1f}"


def _held(share: float, least: float) -> str:
    return f"**{_percent(share)}**" if share < least else _percent(share)


def _claimed(share: float) -> str:
    return f"**{_percent(share)}**" if share > FALSE else _percent(share)
