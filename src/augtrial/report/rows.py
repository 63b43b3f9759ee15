"""The report's tables: rows of text with the number that they sort by."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import BaseModel

from augtrial import paper
from augtrial.figures.wording import (
    LEADING,
    MINUS,
    contrast_name,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
)
from augtrial.settings import Settings

NAMES = {"sensitivity": "Sensitivity", "specificity": "Specificity"}


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, what stands small below, and what it sorts by."""

    text: str
    small: tuple[str, ...] = ()
    value: float | str = ""


@dataclass(frozen=True)
class Table:
    """A table: names of the columns (the first names the rows), rows, and which are the paper's."""

    columns: list[str]
    rows: list[list[Cell]]
    paper: frozenset[str] = frozenset()


def row_name(endpoint: str, category: str) -> str:
    """Return "Sensitivity, cyst", "Accuracy", "AUC"."""
    if endpoint in NAMES:
        return f"{NAMES[endpoint]}, {category}"
    return "AUC" if endpoint == "auc" else endpoint.capitalize()


def comparison(endpoints: pd.DataFrame, classes: list[str]) -> Table:
    """Return the paper's table: endpoints by arm, and its own columns where the classes match."""
    arms = list(dict.fromkeys(endpoints["arm"]))
    reference = paper.reference_endpoints(classes)
    systems = list(dict.fromkeys(reference["system"]))
    known = reference.set_index(["system", "endpoint", "class"])["value"]
    by_arm = endpoints.set_index(["arm", "endpoint", "class"])
    keys = endpoints[["endpoint", "class"]].drop_duplicates().itertuples(index=False, name=None)
    rows = []
    for number, (endpoint, category) in enumerate(keys):
        row = [Cell(row_name(endpoint, category), value=number)]
        row += [_value(by_arm.loc[(arm, endpoint, category)]) for arm in arms]
        for system in systems:
            value = known.get((system, endpoint, category), float("nan"))
            row.append(Cell("" if pd.isna(value) else percent(value), value=_number(value)))
        rows.append(row)
    theirs = [f"paper: {system}" for system in systems]
    return Table(["Endpoint", *arms, *theirs], rows, frozenset(theirs))


def _value(row: pd.Series) -> Cell:
    small = [percent_interval(row["low"], row["high"])]
    small += [] if pd.isna(row["sd"]) else [f"sd {percent(row['sd'])}"]
    return Cell(percent(row["value"]), tuple(filter(None, small)), _number(row["value"]))


def _number(value: float) -> float | str:
    return "" if pd.isna(value) else float(value)


def differences(contrasts: pd.DataFrame) -> Table:
    """Return the contrasts in the leading endpoints, in percentage points."""
    keyed = contrasts.set_index(["contrast", "endpoint", "class"])
    rows = []
    for number, contrast in enumerate(dict.fromkeys(contrasts["contrast"])):
        row = [Cell(contrast_name(contrast), value=number)]
        for endpoint, category, _ in LEADING:
            row.append(_difference(keyed.loc[(contrast, endpoint, category)]))
        rows.append(row)
    return Table(["Contrast", *(name for _, _, name in LEADING)], rows)


def _difference(row: pd.Series) -> Cell:
    interval = points_interval(row["low"], row["high"])
    return Cell(points(row["difference"]), (interval,), _number(row["difference"]))


def all_differences(contrasts: pd.DataFrame) -> Table:
    """Return every row of tables/contrasts.csv with its counts."""
    counts = ["lesions", "patients", "folds", "replicates"]
    rows = [
        [
            Cell(contrast_name(row["contrast"]), value=number),
            Cell(row_name(row["endpoint"], row["class"])),
            _difference(row),
            *(Cell(f"{row[name]:.0f}", value=_number(row[name])) for name in counts),
        ]
        for number, row in enumerate(contrasts.to_dict("records"))
    ]
    return Table(["Contrast", "Endpoint", "Points", *map(str.capitalize, counts)], rows)


def secondary(tests: pd.DataFrame) -> Table:
    """Return tables/secondary.csv: other tests' p values, a row a contrast and test."""
    rows = [
        [
            Cell(contrast_name(row["contrast"]), value=number),
            Cell(row["test"]),
            Cell(row_name(row["endpoint"], row["class"])),
            Cell(_known_p(row["p"]), _p_range(row), _number(row["p"])),
            Cell(f"{row['units']:.0f}", value=_number(row["units"])),
        ]
        for number, row in enumerate(tests.to_dict("records"))
    ]
    return Table(["Contrast", "Test", "Endpoint", "p", "Stands on"], rows)


def _known_p(p: float) -> str:
    return "not estimable" if pd.isna(p) else p_value(p)


def _p_range(row: dict[str, Any]) -> tuple[str, ...]:
    if pd.isna(row["p_low"]):
        return ()
    return (f"median of {p_value(row['p_low'])} to {p_value(row['p_high'])}",)


def fidelity(means: pd.DataFrame) -> Table:
    """Return tables/fidelity_means.csv: each measure beside what held-out lesions reach."""
    rows = [
        [
            Cell(row["synthesizer"], value=number),
            Cell(row["class"]),
            Cell(row["measure"]),
            Cell(_number_text(row["value"]), _sd(row["sd"]), _number(row["value"])),
            Cell(_number_text(row["reference"]), value=_number(row["reference"])),
            Cell(_beyond(row), value=_number(row["beyond"])),
            Cell(f"{row['synthetic']:.0f}, {row['training']:.0f}, {row['held_out']:.0f}"),
        ]
        for number, row in enumerate(means.to_dict("records"))
    ]
    columns = ["Synthesizer", "Class", "Measure", "Synthetic", "Held-out lesions"]
    return Table([*columns, "p < 0.01 in", "Images, lesions, held out"], rows)


def _number_text(value: float) -> str:
    return "not estimable" if pd.isna(value) else f"{value:.3g}".replace("-", MINUS)


def _sd(value: float) -> tuple[str, ...]:
    return () if pd.isna(value) else (f"sd {value:.2g}",)


def _beyond(row: dict[str, Any]) -> str:
    return "" if pd.isna(row["beyond"]) else f"{row['beyond']:.0f} of {row['trainings']:.0f}"


def by_updates(updates: pd.DataFrame) -> Table:
    """Return the accuracy of tables/updates.csv: a row an arm, a column a number of updates."""
    own = updates[(updates["endpoint"] == "accuracy") & (updates["class"] == "all")]
    stops = sorted(own["updates"].unique())
    rows = []
    for arm, stopped in own.groupby("arm", sort=False):
        at = {row["updates"]: row for row in stopped.to_dict("records")}
        cells = [
            Cell(percent(at[stop]["value"]), (percent_interval(at[stop]["low"], at[stop]["high"]),))
            if stop in at
            else Cell("")
            for stop in stops
        ]
        rows.append([Cell(arm), *cells])
    return Table(["Arm", *(f"{stop:,}" for stop in stops)], rows)


def all_endpoints(endpoints: pd.DataFrame) -> Table:
    """Return every row of tables/endpoints.csv with its counts and what its interval stands on."""
    counts = ["lesions", "patients", "folds", "replicates"]
    rows = [
        [
            Cell(row["arm"], value=number),
            Cell(row_name(row["endpoint"], row["class"])),
            Cell(percent(row["value"]), value=_number(row["value"])),
            Cell(percent_interval(row["low"], row["high"]), value=_number(row["low"])),
            *(Cell(f"{row[name]:.0f}", value=_number(row[name])) for name in counts),
            Cell(row["method"]),
        ]
        for number, row in enumerate(endpoints.to_dict("records"))
    ]
    columns = ["Arm", "Endpoint", "Percent", "Interval", *map(str.capitalize, counts), "Method"]
    return Table(columns, rows)


def setting_rows(settings: Settings) -> Table:
    """Return every setting: its key, its value, what it means."""
    hidden = {"figures", "note"}  # how results look, not what they are
    rows = [
        [Cell(key, value=number), Cell(_shown(value)), Cell(meaning)]
        for number, (key, value, meaning) in enumerate(_flat(settings))
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


def _shown(value: Any) -> str:
    """Return a setting's value as the config would have it."""
    if value is None or value == "":
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
