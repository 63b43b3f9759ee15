"""Whether a synthesizer is fit to be put on trial: one fixed rule, as for convergence.

Its limits were set on the built-in cohort with planted faults (collapse, grain, blur, mixed-up
classes, copies), before any trial.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

COLUMNS = [
    *("synthesizer", "class", "measure", "value", "reference", "least", "most", "fit"),
    *("trainings", "replicates", "folds", "samples", "seen", "unseen", "unit"),
]
Limits = Callable[[float], tuple[float, float]]
# Measure -> the least and the largest fit value, from that of real lesions.
LIMITS: Mapping[str, Limits] = {
    "coverage": lambda real: (0.5 * real, math.inf),
    "near-duplicates": lambda real: (-math.inf, real + 0.25),
    "class consistency": lambda real: (0.65 * real, math.inf),
    "layout KID": lambda real: (-math.inf, max(real, 0.0) + 0.5),
    "fine detail": lambda real: (real / 4, 4 * real),
}
UNITS = {"layout KID": "kernel units", "fine detail": "ratio"}
# What is wrong below the least value, or above the largest.
FAULTS = {
    "coverage": "does not cover the real lesions",
    "near-duplicates": "repeats its images",
    "class consistency": "mixes up the classes",
    "layout KID": "draws other shapes than the real ones",
    "fine detail": "is blurred",
}
GRAINY, COLLAPSED = "is grainy", "collapsed"


def fitness_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a synthesizer, class and measure: medians over its trainings, and the limits.

    `rows` have replicate, fold, synthesizer and the columns of `fidelity.fitness`, one a training,
    class and measure. `fit` is missing where a class has too few lesions to tell. Seen and unseen
    are lesions of the class, as many as in the median training.
    """
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    found = []
    for key, group in rows.groupby(["synthesizer", "class", "measure"], sort=False):
        known = group.dropna(subset=["value", "reference"])
        value, reference = known["value"].median(), known["reference"].median()
        least, most = LIMITS[key[-1]](reference)
        fit = bool(least <= value <= most) if len(known) else None
        trainings = (len(known), *(known[name].nunique() for name in ("replicate", "fold")))
        counts = (group[name].median() for name in ("samples", "seen", "unseen"))
        unit = UNITS.get(key[-1], "fraction")
        found.append((*key, value, reference, least, most, fit, *trainings, *counts, unit))
    return pd.DataFrame(found, columns=COLUMNS).astype({"fit": "object"})


def unfit_synthesizers(table: pd.DataFrame) -> dict[str, str]:
    """Return the synthesizers that get no verdict, each with the reason in words.

    "dcgan collapsed (cyst: coverage 5 %, held-out lesions 76 %; ...)"; or that its fitness is not
    estimable.
    """
    reasons = {}
    for name, rows in table.groupby("synthesizer", sort=False):
        failed = rows[[fit is not None and not fit for fit in rows["fit"]]]
        if len(failed):
            reasons[str(name)] = f"{name} {_diagnosis(failed)}"
        elif rows["fit"].isna().any():
            fewest = int(rows["unseen"].min())
            reasons[str(name)] = (
                f"fitness of {name} not estimable: {fewest} lesions of a class are left to judge by"
            )
    return reasons


def _diagnosis(failed: pd.DataFrame) -> str:
    """Return what is wrong, and the numbers of the class in which each measure is worst."""
    faults, numbers = [], []
    for measure in LIMITS:
        rows = failed[failed["measure"] == measure]
        if rows.empty:
            continue
        beyond = (rows["least"] - rows["value"]).combine(rows["value"] - rows["most"], max)
        worst = rows.loc[beyond.idxmax()]
        grainy = measure == "fine detail" and worst["value"] > worst["most"]
        faults.append(GRAINY if grainy else FAULTS[measure])
        numbers.append(_numbers(worst))
    if {FAULTS["coverage"], FAULTS["near-duplicates"]} <= set(faults):
        faults = [COLLAPSED, *faults[2:]]
    told = " and ".join(filter(None, (", ".join(faults[:-1]), faults[-1])))
    return f"{told} ({'; '.join(numbers)})"


def _numbers(row: pd.Series) -> str:
    value, reference = row["value"], row["reference"]
    if row["measure"] in ("layout KID", "fine detail"):
        shown = f"{value:.2f}, held-out lesions {reference:.2f}"
    else:
        shown = f"{100 * value:.0f} %, held-out lesions {100 * reference:.0f} %"
    return f"{row['class']}: {row['measure']} {shown}"


def unfit_arms(unfit: Mapping[str, str], arms: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the arms that take images of an unfit synthesizer, with the reason.

    `arms` are the synthesizers of each arm.
    """
    return {
        arm: "; ".join(unfit[name] for name in names if name in unfit)
        for arm, names in arms.items()
        if any(name in unfit for name in names)
    }
