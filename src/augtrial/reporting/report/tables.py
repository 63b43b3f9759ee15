"""The report's tables: rows of text with the number that they sort by."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel

from augtrial.config.settings import Settings
from augtrial.reporting import published_results
from augtrial.reporting.figures import wording
from augtrial.reporting.figures.wording import LEADING, contrast_name, percent, percent_interval
from augtrial.statistics.verdicts import EXPLORATORY

COUNTS = ("lesions", "patients", "folds", "replicates")
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, what stands small below, and what it sorts by."""

    text: str
    small: tuple[str, ...] = ()
    value: float | str = ""


@dataclass(frozen=True)
class Table:
    """A table: columns (the first names the rows and keeps their order), rows, paper's columns."""

    columns: list[str]
    rows: list[list[Cell]]
    paper: frozenset[str] = frozenset()


def row_name(endpoint: str, category: str) -> str:
    """Return "Sensitivity, cyst", "Accuracy", "AUC"."""
    if endpoint in ("sensitivity", "specificity"):
        return f"{endpoint.capitalize()}, {category}"
    return "AUC" if endpoint == "auc" else endpoint.capitalize()


def comparison(endpoints: pd.DataFrame, classes: list[str]) -> Table:
    """Return endpoints by arm, and the paper's columns where the classes match."""
    arms = list(dict.fromkeys(endpoints["arm"]))
    reference = published_results.reference_endpoints(classes)
    systems = list(dict.fromkeys(reference["system"]))
    known = reference.set_index(["system", "endpoint", "class"])["value"]
    by_arm = endpoints.set_index(["arm", "endpoint", "class"])
    keys = endpoints[["endpoint", "class"]].drop_duplicates().itertuples(index=False, name=None)
    rows = []
    for endpoint, category in keys:
        row = [Cell(row_name(endpoint, category))]
        row += [_value(by_arm.loc[(arm, endpoint, category)]) for arm in arms]
        values = [known.get((system, endpoint, category), math.nan) for system in systems]
        row += [Cell("" if pd.isna(x) else percent(x), value=_number(x)) for x in values]
        rows.append(row)
    paper = [f"paper: {system}" for system in systems]
    return Table(["Endpoint", *arms, *paper], rows, frozenset(paper))


def _value(row: pd.Series) -> Cell:
    sd = "" if pd.isna(row["sd"]) else f"sd {percent(row['sd'])}"
    small = tuple(filter(None, (percent_interval(row["low"], row["high"]), sd)))
    return Cell(percent(row["value"]), small, _number(row["value"]))


def _number(value: float) -> float | str:
    if math.isinf(value):
        return "Infinity"  # as the page's script reads it
    return "" if pd.isna(value) else float(value)


def differences(contrasts: pd.DataFrame) -> Table:
    """Return the contrasts in the leading endpoints, in percentage points."""
    keyed = contrasts.set_index(["contrast", "endpoint", "class"])
    rows = []
    for contrast in dict.fromkeys(contrasts["contrast"]):
        found = [keyed.loc[(contrast, *endpoint)] for *endpoint, _ in LEADING]
        rows.append([Cell(contrast_name(contrast)), *map(_difference, found)])
    return Table(["Contrast", *(name for _, _, name in LEADING)], rows)


def _difference(row: Mapping[Any, Any] | pd.Series) -> Cell:
    interval = wording.points_interval(row["low"], row["high"])
    return Cell(wording.points(row["difference"]), (interval,), _number(row["difference"]))


def _counts(row: Mapping[Any, Any]) -> list[Cell]:
    return [Cell(f"{row[name]:.0f}", value=_number(row[name])) for name in COUNTS]


def all_differences(contrasts: pd.DataFrame) -> Table:
    """Return every row of tables/contrasts.csv with its counts."""
    rows = [
        [
            Cell(contrast_name(row["contrast"])),
            Cell(row_name(row["endpoint"], row["class"])),
            *(_difference(row), *_counts(row)),
        ]
        for row in contrasts.to_dict("records")
    ]
    return Table(["Contrast", "Endpoint", "Points", *map(str.capitalize, COUNTS)], rows)


def secondary(tests: pd.DataFrame) -> Table:
    """Return tables/secondary.csv: other tests' p values, a row a contrast and test."""
    rows = [
        [
            Cell(contrast_name(row["contrast"])),
            Cell(row["test"]),
            Cell(row_name(row["endpoint"], row["class"])),
            _p_cell(row),
            Cell(f"{row['units']:.0f}", value=_number(row["units"])),
        ]
        for row in tests.to_dict("records")
    ]
    return Table(["Contrast", "Test", "Endpoint", "p", "Units"], rows)


def sensitivity(analyses: pd.DataFrame) -> Table:
    """Return tables/sensitivity.csv: the verdicts under other analyses."""
    rows = [
        [
            Cell(contrast_name(row["contrast"])),
            Cell(row["analysis"], ("exploratory",) if row["role"] == EXPLORATORY else ()),
            _difference(row),
            Cell(row["verdict"]),
        ]
        for row in analyses.to_dict("records")
    ]
    return Table(["Contrast", "Analysis", "Points", "Verdict"], rows)


def _p_cell(row: Mapping[Any, Any]) -> Cell:
    p, low, high = (
        NOT_ESTIMABLE if pd.isna(row[name]) else wording.p_value(row[name])
        for name in ("p", "p_low", "p_high")
    )
    several = () if pd.isna(row["p_low"]) else (f"median of {low} to {high}",)
    return Cell(p, several, _number(row["p"]))


def fidelity(means: pd.DataFrame) -> Table:
    """Return tables/fidelity_means.csv: each measure beside that of held-out lesions."""
    rows = [
        [
            Cell(row["synthesizer"]),
            Cell(row["class"]),
            Cell(row["measure"]),
            _measured(row["value"], row["sd"]),
            _measured(row["reference"]),
            Cell(_significant(row), value=_number(row["significant"])),
            Cell(wording.detectable_copies(row["detectable"]), value=_number(row["detectable"])),
            Cell(f"{row['synthetic']:.0f}, {row['training']:.0f}, {row['held_out']:.0f}"),
        ]
        for row in means.to_dict("records")
    ]
    columns = ["Synthesizer", "Class", "Measure", "Synthetic", "Held-out lesions"]
    columns += ["Adjusted p < 0.01 in", "Detectable from", "Images, training, held out"]
    return Table(columns, rows)


def fitness(judged: pd.DataFrame) -> Table:
    """Return tables/fitness.csv: each measure, that of unseen lesions, and the limits."""
    rows = [
        [
            Cell(row["synthesizer"]),
            Cell(row["class"]),
            Cell(row["measure"]),
            _measured(row["value"]),
            _measured(row["reference"]),
            Cell(_limits(row["least"], row["most"])),
            Cell({True: "fit", False: "not fit"}.get(row["fit"], NOT_ESTIMABLE)),
            Cell(f"{row['samples']:.0f}, {row['seen']:.0f}, {row['unseen']:.0f}"),
        ]
        for row in judged.to_dict("records")
    ]
    columns = ["Synthesizer", "Class", "Measure", "Synthetic", "Unseen lesions", "Limits"]
    return Table([*columns, "Fitness", "Images, seen, unseen"], rows)


def _limits(least: float, most: float) -> str:
    """Return "at least 0.4", "at most 0.5", "0.25 to 4"."""
    if pd.isna(least) or pd.isna(most):
        return ""
    if math.isinf(most):
        return f"at least {least:.3g}"
    return f"at most {most:.3g}" if math.isinf(least) else f"{least:.3g} to {most:.3g}"


def _measured(value: float, sd: float = math.nan) -> Cell:
    text = NOT_ESTIMABLE if pd.isna(value) else f"{value:.3g}".replace("-", wording.MINUS)
    return Cell(text, () if pd.isna(sd) else (f"sd {sd:.2g}",), _number(value))


def _significant(row: Mapping[Any, Any]) -> str:
    number = row["significant"]
    return "" if pd.isna(number) else f"{number:.0f} of {row['trainings']:.0f}"


def by_updates(updates: pd.DataFrame) -> Table:
    """Return the accuracy of tables/updates.csv: a row an arm, a column a number of updates."""
    accuracy = updates[(updates["endpoint"] == "accuracy") & (updates["class"] == "all")]
    numbers = sorted(accuracy["updates"].unique())
    rows = []
    for arm, table in accuracy.groupby("arm", sort=False):
        cells = {
            row.updates: Cell(percent(row.value), (percent_interval(row.low, row.high),))
            for row in table.itertuples()
        }
        rows.append([Cell(arm), *(cells.get(number, Cell("")) for number in numbers)])
    return Table(["Arm", *(f"{number:,}" for number in numbers)], rows)


def all_endpoints(endpoints: pd.DataFrame) -> Table:
    """Return every row of tables/endpoints.csv with its counts and what its interval stands on."""
    rows = [
        [
            Cell(row["arm"]),
            Cell(row_name(row["endpoint"], row["class"])),
            Cell(percent(row["value"]), value=_number(row["value"])),
            Cell(percent_interval(row["low"], row["high"]), value=_number(row["low"])),
            *(*_counts(row), Cell(row["method"])),
        ]
        for row in endpoints.to_dict("records")
    ]
    columns = ["Arm", "Endpoint", "Percent", "Interval", *map(str.capitalize, COUNTS), "Method"]
    return Table(columns, rows)


def setting_rows(settings: Settings) -> Table:
    """Return every setting: its key, its value, what it means."""
    hidden = {"figures", "note"}  # how results look, not what they are
    rows = [
        [Cell(key), Cell(_as_text(value)), Cell(meaning)]
        for key, value, meaning in _flat(settings)
        if key.split(".")[0] not in hidden
    ]
    return Table(["Setting", "Value", "Meaning"], rows)


def _flat(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    for name, field in type(model).model_fields.items():
        value, key = getattr(model, name), f"{prefix}{name}"
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{key}.")
        elif isinstance(value, dict) and any(isinstance(v, BaseModel) for v in value.values()):
            for inner, item in value.items():
                yield from _flat(item, f"{key}.{inner}.")
        else:
            yield key, value, field.description or ""


def _as_text(value: Any) -> str:
    """Return a setting's value as the config would have it."""
    if value is None or value == "":
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
