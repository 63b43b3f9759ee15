"""Planned power against simulated studies: docs/results/simulation/power.csv."""

from multiprocessing.pool import Pool

import numpy as np
import pandas as pd

from augtrial.core import seeds
from augtrial.statistics.classification import panel_outcomes
from augtrial.statistics.components import balance, components_of
from augtrial.statistics.contrasts import difference_row
from augtrial.statistics.power import Components, Design, PlannedContrast
from augtrial.statistics.verdicts import GAINS, NO_DIFFERENCE, judge
from benchmarks.simulation.cells import MARGIN, RARE
from benchmarks.simulation.components import mean_effects
from benchmarks.simulation.models import Probit
from benchmarks.simulation.studies import LEVEL

ENDPOINT = ("sensitivity", "macro")
TRUTHS = (0.0, 0.03, 0.05)
SHOWN = {"gain": GAINS, "no difference": (NO_DIFFERENCE,)}


def cohorts() -> dict[str, dict]:
    """Return the cohorts by name: lesions, and the classes' shares and sensitivities."""
    sizes = {f"{lesions} lesions": {"lesions": lesions} for lesions in (60, 182, 1000)}
    rare = {"lesions": 182, "share": RARE}
    return {**sizes, "80/15/5 %": rare, "near ceiling": {"lesions": 182, "base": 0.92}}


def power_table(studies: int, pool: Pool, names: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return planned and simulated shares of verdicts, one row a cohort and true difference.

    A plan has the mean variance terms of the simulated studies, and beside that those of the
    studies without a difference (`at truth 0`).
    """
    rows = []
    for name, cohort in cohorts().items():
        if names and name not in names:
            continue
        without: Components | None = None
        for truth in TRUTHS:
            tasks = [(cohort, truth, number) for number in range(studies)]
            found = pd.DataFrame(pool.starmap(_study, tasks, chunksize=20))
            numbers = found.drop(columns="verdict").mean()
            components = components_of(numbers, numbers["patients"], int(numbers["replicates"]))
            without = without or components
            design = Design(
                patients=numbers["patients"],
                df=numbers["df of patients"],
                trials=numbers["trials"],
                replicates=int(numbers["replicates"]),
                margin=MARGIN,
                level=LEVEL,
                allowance=numbers["allowance"],
            )
            row = {"cohort": name, "truth": truth, "studies": studies}
            row["detectable"] = PlannedContrast(components, design).detectable
            for word, words in SHOWN.items():
                row[word] = found["verdict"].isin(words).mean()
            for which, each in (("planned", components), ("at truth 0", without)):
                shares = PlannedContrast(each, design).verdicts(truth)
                for word, words in SHOWN.items():
                    row[f"{word}, {which}"] = sum(shares.get(one, 0.0) for one in words)
            rows.append(row)
    return pd.DataFrame(rows).round(4)


def _study(cohort: dict, truth: float, number: int) -> dict[str, float | str]:
    """Return the verdict of one simulated study, and what a plan would need to know of it."""
    options = dict(cohort)
    base, classes = options.pop("base", 0.75), len(options.get("share", (1, 1, 1)))
    levels = tuple((level,) * classes for level in (base + truth, base))
    model = Probit(levels=levels, effects=mean_effects(), **options)
    generator = seeds.generator(0, "power", str(cohort), truth, number)
    arms, _ = model.study(generator)
    new, old = (
        next(each for each in panel_outcomes(arm) if (each.endpoint, each.category) == ENDPOINT)
        for arm in arms
    )
    row = {"contrast": "new - old", **difference_row(new, old, arms[0], 1 - LEVEL)}
    return {
        "verdict": judge([row], MARGIN, LEVEL)[0]["verdict"],
        **{name: row[name] for name in ("v_patient", "v_replicate", "v_residual", "replicates")},
        "patients": row["patients"] * balance(np.bincount(arms[0].label), ENDPOINT),
        "df of patients": min(new.parts.df, row["patients"] - 1),
        "trials": new.trials,
        "allowance": arms[0].paired_training(counted=True),
    }
