"""Simulated studies of one cell: what the shipped statistics say, and how often it is true."""

from multiprocessing.pool import Pool
from typing import Any

import numpy as np
import pandas as pd

from augtrial.core import seeds
from augtrial.statistics.classification import ClassificationPanel as Panel
from augtrial.statistics.classification import panel_outcomes
from augtrial.statistics.contrasts import difference_row
from augtrial.statistics.endpoints import endpoint_row
from augtrial.statistics.verdicts import (
    EXPLORATORY,
    GAINS,
    LOSSES,
    NO_DIFFERENCE,
    SMALL,
    judge,
)
from benchmarks.simulation.cells import MARGIN, Cell
from benchmarks.simulation.models import Probit, Truth, wanted_endpoints

LEVEL = 0.05
EQUAL_DRAWS, DRAWS = 100, 600  # large studies for the true AUC; a difference needs more
TRUTHS = ["truth a", "truth b"]
Study = list[dict[str, Any]]  # a row an endpoint


def simulate_cell(cell: Cell, studies: int, chunk: int, pool: Pool) -> pd.DataFrame:
    """Return a cell's table, one row an endpoint: shares over its studies."""
    tasks = [(cell, range(i, min(i + chunk, studies))) for i in range(0, studies, chunk)]
    table = pd.DataFrame([row for found in pool.starmap(_studies, tasks) for row in found])
    truth = None
    if isinstance(cell.model, Probit):
        number = EQUAL_DRAWS if len(set(cell.model.levels)) == 1 else DRAWS
        truth = cell.model.truth(pool.starmap(_areas, [(cell, i) for i in range(number)]))
    keys = list(zip(table["endpoint"], table["class"], strict=True))
    for place, name in ((0, "truth a"), (-1, "truth b")):
        table[f"given {name}"] = table[name]
        if truth:
            table[name] = [truth[key][place] for key in keys]
    if not truth:  # that of the procedure: the mean over the cohorts
        table[TRUTHS] = table.groupby(["endpoint", "class"])[TRUTHS].transform("mean")
        if cell.model.equal:
            table["truth a"] = table["truth b"] = table[TRUTHS].mean(axis=1)
    given = truth is not None and cell.model.given_folds
    return summary(cell.name, table, given=given)


def _areas(cell: Cell, number: int) -> Truth:
    return cell.model.areas_of_one(seeds.generator(0, "truth", cell.name, number))


def summary(name: str, table: pd.DataFrame, *, given: bool) -> pd.DataFrame:
    """Return coverage, width and verdicts of each endpoint.

    `given`: what is true is so for the study's split and synthesizers.
    """
    rows = []
    for (endpoint, category), found in table.groupby(["endpoint", "class"], sort=False):
        about = {"cell": name, "endpoint": endpoint, "class": category, "studies": len(found)}
        for kind, prefix in (("", ""), (", given", "given ")):
            a, b = (found[f"{prefix}truth {arm}"] for arm in "ab")
            about[f"paired{kind}"] = _within(found, "low", "high", a - b)
            one = (
                _within(found, f"low {arm}", f"high {arm}", t) for arm, t in (("a", a), ("b", b))
            )
            about[f"single{kind}"] = np.mean(list(one))
        known = found["low"].notna()
        about["not estimable"] = 1 - known.mean()
        found = found[known]
        about["truth"] = (found["truth a"] - found["truth b"]).mean()
        a, b = (found[f"{'given ' if given else ''}truth {arm}"] for arm in "ab")
        truth = a - b
        about["half width"] = (found["high"] - found["low"]).mean() / 2
        about["ideal half width"] = 1.96 * (found["difference"] - truth).std()
        about |= {word: found[word].mean() for word in ("gain", "loss", "no difference")}
        false = (found["gain"] & (truth <= 0)) | (found["loss"] & (truth >= 0))
        about["false gain or loss"] = false.mean()
        about["false no difference"] = (
            found["no difference"] & (truth.abs() >= MARGIN - 1e-9)
        ).mean()
        about["family"] = found["family"].mean()
        about |= {word: found[word].median() for word in ("detectable low", "detectable high")}
        rows.append(about)
    return pd.DataFrame(rows).round(4)


def _within(found: pd.DataFrame, low: str, high: str, truth: pd.Series) -> float:
    if truth.isna().all():
        return np.nan
    inside = (found[low] <= truth) & (truth <= found[high])
    return inside[found[low].notna()].mean()


def _studies(cell: Cell, numbers: range) -> Study:
    rows = []
    for number in numbers:
        arms, truth = cell.model.study(seeds.generator(0, "simulation", cell.name, number))
        rows += judge_study(arms, truth)
    return rows


def judge_study(arms: list[Panel], truth: Truth | None) -> Study:
    """Return what the shipped statistics say of a study, a row an endpoint.

    The first arm is compared with the last, as the primary contrast; so are the others.
    """
    wanted = wanted_endpoints(len(arms[0].classes))
    found = [{(o.endpoint, o.category): o for o in panel_outcomes(arm)} for arm in arms]
    rows = []
    for key in wanted:
        *new, old = (outcomes[key] for outcomes in found)
        contrasts = [
            {"contrast": f"{i} - old", **difference_row(outcome, old, arms[0], 1 - LEVEL)}
            for i, outcome in enumerate(new)
        ]
        verdicts = judge(contrasts, MARGIN, LEVEL)
        word, row = verdicts[0]["verdict"], contrasts[0]
        about = {"endpoint": key[0], "class": key[1]}
        about |= {name: row[name] for name in ("difference", "low", "high")}
        for arm, outcome in (("a", new[0]), ("b", old)):
            single = endpoint_row(arms[0], outcome, 1 - LEVEL)
            about |= {f"low {arm}": single["low"], f"high {arm}": single["high"]}
            known = truth is not None and key in truth
            about[f"truth {arm}"] = truth[key][0 if arm == "a" else -1] if known else np.nan
        about |= {"gain": word in GAINS, "loss": word in LOSSES}
        close = (NO_DIFFERENCE, *SMALL.values())
        about["no difference"] = word in close
        about["family"] = any(
            v["verdict"] in (*GAINS, *LOSSES) and v["role"] != EXPLORATORY for v in verdicts
        )
        names = ("detectable_low", "detectable_high")
        about |= {name.replace("_", " "): verdicts[0][name] for name in names}
        rows.append(about)
    return rows
