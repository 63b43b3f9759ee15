"""Variance components for a plan: of the published trials, of a pilot, or typed (docs/plan.md)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import hmean

from augtrial.core.errors import UserError
from augtrial.core.io import read_table
from augtrial.core.names import count, hint
from augtrial.statistics.power import RANGE, Components

TABLE = Path(__file__).with_name("components.csv")
NAMES = ("patients", "replicates", "both")
SCENARIOS = ("low", "middle", "high")  # of the variance
TERMS = ("v_patient", "v_replicate", "v_residual")
PER_CLASS = (("sensitivity", "macro"), ("auc", "macro"))
SHOWN = 5  # cells that are no numbers
MIN_PILOT = 3  # replicates: the variance of two is known within a factor of a thousand


@dataclass(frozen=True)
class Scenarios:
    """The variance that a study may have: components by scenario, and where they are from."""

    components: dict[str, Components]
    source: str

    def lines(self) -> Iterator[str]:
        """Yield the source and the standard deviations, in the form in which they are typed."""
        yield f"Variance: {self.source}. Standard deviations in points:"
        for name, variance in self.components.items():
            each = (f"{key}={100 * math.sqrt(getattr(variance, key)):.3g}" for key in NAMES)
            yield f"  {name}: {','.join(each)}"


def middle_scenario(names: Iterable[str]) -> str:
    """Return the scenario that stands for a plan: the middle one, or the only one."""
    return max(names, key=SCENARIOS[1].__eq__)


def balance(sizes: Sequence[float], endpoint: tuple[str, str]) -> float:
    """Return what a patient is worth where the classes have these sizes: 1 if they are equal.

    A plain mean over classes varies like that of n lesions in classes of the harmonic mean of the
    sizes. Other endpoints do not depend on it.
    """
    sizes = [size for size in sizes if size]
    return float(hmean(sizes) / np.mean(sizes)) if endpoint in PER_CLASS else 1.0


def component_table(contrasts: pd.DataFrame, endpoint: tuple[str, str]) -> pd.DataFrame:
    """Return the components of each contrast of tables/contrasts.csv, as standard deviations.

    The columns `NAMES` are in percentage points, per patient (of balanced classes) and replicate;
    `worth` is how many such patients there are.
    """
    about = contrasts[contrasts["endpoint"] == "sensitivity"]
    about = about[~about["class"].isin(["macro", "weighted"])].groupby("contrast")["lesions"]
    name, category = endpoint
    rows = contrasts[(contrasts["endpoint"] == name) & (contrasts["class"] == category)]
    share = rows["contrast"].map({name: balance(sizes, endpoint) for name, sizes in about})
    rows = rows.assign(worth=rows["patients"] * share)
    found = components_of(rows, rows["worth"], rows["replicates"])
    points = {key: 100 * np.sqrt(getattr(found, key)) for key in NAMES}
    return rows.rename(columns={"patients": "of", "replicates": "of_replicates"}).assign(**points)


def components_of(terms: Any, patients: Any, replicates: Any) -> Components:
    """Return the components of variance terms (v_patient, ...), of numbers or of columns.

    Source: Searle, Casella & McCulloch, Variance Components (1992), ch. 4, from expected mean
    squares, not below zero.
    """
    both = terms["v_residual"]
    return Components(
        patients=np.maximum(terms["v_patient"] - both, 0) * patients,
        replicates=np.maximum(terms["v_replicate"] - both, 0) * replicates,
        both=both * patients * replicates,
    )


def published_components(endpoint: tuple[str, str], patients: float, replicates: int) -> Scenarios:
    """Return the published trials' contrasts of least, median and most variance in a design."""
    table = read_table(TABLE)
    rows = table[(table["endpoint"] == endpoint[0]) & (table["class"] == endpoint[1])]
    found = [_components(row) for row in rows[list(NAMES)].to_numpy()]

    def variance(components: Components) -> float:
        patient, replicate, both = components.terms(patients, replicates)
        return patient + replicate - both

    found.sort(key=variance)
    chosen = (found[0], found[len(found) // 2], found[-1])
    trials = " and ".join(dict.fromkeys(rows["trial"]))
    given = ", ".join(dict.fromkeys(rows["conditional_on"]))
    source = f"{len(rows)} contrasts of the published trials {trials}, given {given}"
    return Scenarios(dict(zip(SCENARIOS, chosen, strict=True)), source)


def pilot_components(folder: Path, endpoint: tuple[str, str]) -> Scenarios:
    """Return the mean components of a pilot's contrasts, and the 80 % range of each.

    A mean square of df degrees of freedom is known up to df / chi-square(df).

    Raises:
        UserError: the folder has no such table, or too few replicates to tell.
    """
    path = Path(folder) / "tables" / "contrasts.csv"
    if not path.is_file():
        raise UserError(f"{path} is not there; give the results folder of a finished study")
    try:
        contrasts = read_table(path)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} is no table: {error}") from None
    needed = ["contrast", "endpoint", "class", "replicates", "patients", "lesions", *TERMS]
    if missing := [name for name in needed if name not in contrasts]:
        raise UserError(f"{path} has no column {', '.join(missing)}")
    # Only the rows of an endpoint that could not be estimated have no terms of variance.
    numbers = contrasts[["replicates", "patients", "lesions", *TERMS]]
    values = numbers.apply(pd.to_numeric, errors="coerce")
    wrong = np.argwhere(((values < 0) | (values.isna() & numbers.notna())).to_numpy())
    if len(wrong):
        raise UserError(
            f"{path}: row {row + 2}: {numbers.columns[column]} is {numbers.iat[row, column]!s}; "
            "give the table as the study wrote it"
            for row, column in wrong[:SHOWN]
        )
    table = component_table(contrasts.assign(**values), endpoint)
    table = table[(table["of_replicates"] >= MIN_PILOT) & (table["v_patient"] > 0)]
    if table.empty:
        what = " ".join(reversed(endpoint))
        raise UserError(
            f"{path}: no contrast whose variance of {what} is known; "
            f"a pilot needs at least {MIN_PILOT} replicates, arms that differ, and several "
            "patients of each class"
        )
    terms, patients = table[list(TERMS)].mean(), table["worth"].mean()
    replicates = int(table["of_replicates"].min())
    rows, columns = patients - 1, replicates - 1
    dfs = np.array([rows, columns, rows * columns])
    ratios = (dfs / stats.chi2.ppf(RANGE[1], dfs), 1.0, dfs / stats.chi2.ppf(RANGE[0], dfs))
    found = [components_of(terms * ratio, patients, replicates) for ratio in ratios]
    number = count(len(table), "contrast")
    source = f"mean of {number} of {folder}, and the 80 % range of each component"
    return Scenarios(dict(zip(SCENARIOS, found, strict=True)), source)


def typed_components(text: str) -> Scenarios:
    """Return typed components: "patients=15,replicates=1,both=29", in percentage points.

    Raises:
        UserError: with every name and number that is wrong.
    """
    values: dict[str, float] = {}
    problems = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (each.strip() for each in part.partition("="))
        if name not in NAMES:
            problems.append(f"'{part}': unknown component '{name}'{hint(name, NAMES)}")
            continue
        if name in values:
            problems.append(f"'{part}': {name} is given twice")
        try:
            values[name] = float(number)
        except ValueError:
            values[name] = math.nan
        if not 0 <= values[name] <= 100:
            problems.append(f"'{part}': a standard deviation in points, from 0 to 100")
    problems += [f"{name} is missing" for name in NAMES if name not in values and not problems]
    if not problems and not values["patients"] + values["both"]:
        problems.append("patients and both are 0: then every patient is alike")
    elif not problems and max(values["patients"], values["both"]) < 1:
        problems.append("patients and both are below 1: give points, 15 and not 0.15")
    if problems:
        title = "--components are standard deviations such as patients=15,replicates=1,both=29:"
        raise UserError(problems, title)
    return Scenarios({"typed": _components([values[name] for name in NAMES])}, "typed")


def _components(points: Sequence[float]) -> Components:
    """Return components of standard deviations in percentage points, in the order of `NAMES`."""
    return Components(*((float(each) / 100) ** 2 for each in points))
