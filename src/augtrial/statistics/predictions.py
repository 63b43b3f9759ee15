"""Predictions: one row a held-out lesion, replicate and arm, with the probability of each class."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError
from augtrial.core.io import SEPARATORS, read_text
from augtrial.core.names import did_you_mean, first_lines, letters

KEYS = ("lesion_id", "fold", "replicate", "arm", "label", "predicted")  # never empty
# Ids and labels are text, whatever they look like; an empty patient id stays empty.
PLACE = ("file", "row")
WHOSE = ("fold", "replicate", "arm")  # the network that made a prediction
TEXT = ("lesion_id", "patient_id", "label", "predicted", "arm", "curve")
NUMBERED = ("fold", "replicate")  # numbers or words, but not those that stand for a missing number
NO_NUMBER = ("", "na", "nan", "none", "null")
SHOWN = 5  # rows of one kind of problem


def prediction_rows(
    lesions: pd.DataFrame,
    probabilities: np.ndarray,
    classes: Sequence[str],
    what: Mapping[str, object],
) -> pd.DataFrame:
    """Return one network's predictions of the lesions that its fold held out.

    `lesions` hold lesion_id, patient_id and label of each, `probabilities` are [n, classes], and
    `what` are the columns that say which network it was: fold, replicate, arm.
    """
    predicted = np.array(classes)[probabilities.argmax(axis=1)]
    rows = lesions[["lesion_id", "patient_id"]].assign(
        **what, label=lesions["label"], predicted=predicted
    )
    return rows.assign(**{f"p_{name}": probabilities[:, i] for i, name in enumerate(classes)})


def read_predictions(paths: str | Path | Iterable[str | Path]) -> pd.DataFrame:
    """Return one or several prediction tables as one, with ids and labels as text.

    Its index says the file and the row, counted as in a spreadsheet: the header is row 1.

    Raises:
        UserError: when a file is missing, is no table, lacks a column that another file
            has, has a column twice, or has an empty cell where none may be.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if missing := [str(path) for path in paths if not Path(path).exists()]:
        raise UserError([f"{path} does not exist" for path in missing])
    # A table without rows and columns is a line end; a file of no bytes is none.
    tables: dict[str | Path, pd.DataFrame] = {}
    unread: list[str] = []
    for path in paths:
        try:
            if Path(path).stat().st_size != 1:
                tables[path] = _read(path)
        except UserError as error:
            unread += error.problems
    if unread:
        raise UserError(unread, title="these are no tables of predictions")
    used = dict.fromkeys(name for table in tables.values() for name in table if _is_used(name))
    problems = [
        f"{path}: no column {name!r}, which another file has{did_you_mean(name, table.columns)}"
        for path, table in tables.items()
        for name in used
        if name not in table
    ]
    problems += [
        f"{path}: row {table.index[empty][0]} has no {name}"
        for path, table in tables.items()
        for name in table.columns.intersection(KEYS)
        if (empty := _is_empty(table[name])).any()
    ]
    if problems:
        raise UserError(problems, title="the tables of predictions do not fit together")
    if not tables:
        return pd.DataFrame()
    table = pd.concat({str(path): table for path, table in tables.items()}, names=PLACE)
    # Numbers in one file and words in another are all words.
    mixed = [name for name in table.columns.intersection(NUMBERED) if not _is_number(table[name])]
    return table.astype(dict.fromkeys(mixed, str))


def place(rows: pd.DataFrame, position: int, columns: Sequence[str] = WHOSE) -> str:
    """Return in words which row it is: its lesion and columns, its file and row if known."""
    row = rows.iloc[position]
    words = ", ".join([f"lesion {row['lesion_id']}", *(f"{name} {row[name]}" for name in columns)])
    if tuple(rows.index.names) == PLACE:
        words += " ({} row {})".format(*rows.index[position])
    return words


def shared_by_replicates(predictions: pd.DataFrame) -> str:
    """Return what several replicates have in common: the split, the training set, or ""."""
    if predictions["replicate"].nunique() < 2:
        return ""
    if predictions["fold"].nunique() < 2:
        return "the training set"
    one_split = predictions.groupby(["arm", "lesion_id"])["fold"].nunique().max() == 1
    return "the split" if one_split else ""


def _is_used(column: str) -> bool:
    return column in (*TEXT, *NUMBERED) or column.startswith("p_")


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _is_empty(values: pd.Series) -> pd.Series:
    if values.name in NUMBERED and not _is_number(values):
        return values.map(letters).isin(NO_NUMBER)
    return values.isna() | (values == "")


def _read(path: str | Path) -> pd.DataFrame:
    text = read_text(path)
    header, numbers, blank = _rows(text, str(path))
    names = {cell: unicodedata.normalize("NFC", cell.strip()) for cell in header}
    types = {cell: str for cell, name in names.items() if name in TEXT}
    options = {"dtype": types, "keep_default_na": False, "skiprows": [n - 1 for n in blank]}
    table = pd.read_csv(io.StringIO(text), **options).rename(columns=names)
    table.index = pd.Index(numbers, dtype=int)
    words = [name for name in table if name in TEXT or name in NUMBERED]
    stripped = {
        name: table[name].str.strip().str.normalize("NFC")
        for name in words
        if not _is_number(table[name])
    }
    return table.assign(**stripped)


def _rows(text: str, path: str) -> tuple[list[str], list[int], list[int]]:
    """Return the header, the numbers of the rows below it, and those of the blank rows.

    Rows are counted as in a spreadsheet, with the blank ones, which it leaves at the end.

    Raises:
        UserError: the table has no header, other cells than its header, or a column twice.
    """
    header: list[str] = []
    numbers, blank, problems = list[int](), list[int](), list[str]()
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if not any(cell.strip() for cell in cells):
                blank.append(number)
            elif not header:
                header = cells
                problems += _header_problems(cells)
                if problems:
                    break
            else:
                numbers.append(number)
                if len(cells) != len(header):
                    advice = "quotes belong around a cell that contains a comma"
                    found = f"row {number} has {len(cells)} cells, but the header has"
                    problems.append(f"{found} {len(header)}: {advice}")
    except csv.Error as error:
        problems.append(f"row {number + 1} is not valid CSV ({error}): check the quotes")
    if not header and not problems:
        problems.append("the file is empty: give a header row, and a row for each prediction")
    if problems:
        raise UserError([f"{path}: {problem}" for problem in first_lines(problems, SHOWN)])
    return header, numbers, blank


def _header_problems(cells: Sequence[str]) -> list[str]:
    """Return what is wrong with a header: other separators than commas, a column twice."""
    for mark, name in SEPARATORS:
        if len(cells) == 1 and mark in cells[0]:
            advice = "separate them by commas, and write numbers with a decimal point"
            return [f"the cells are separated by {name}: {advice}"]
    names = [cell.strip() for cell in cells]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1 and _is_used(name)]
    return [f"there are {names.count(name)} columns {name!r}: keep one" for name in twice]
