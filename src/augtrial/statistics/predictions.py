"""Predictions: one row a held-out lesion, replicate and arm, with the probability of each class."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from augtrial.core.errors import UserError
from augtrial.core.names import did_you_mean

KEYS = ("lesion_id", "fold", "replicate", "arm", "label", "predicted")  # never empty
# Ids and labels are text, whatever they look like; an empty patient id stays empty.
PLACE = ("file", "row")
WHOSE = ("fold", "replicate", "arm")  # the network that made a prediction
TEXT = ("lesion_id", "patient_id", "label", "predicted", "arm", "curve")


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
            has, or has an empty cell where none may be.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if missing := [str(path) for path in paths if not Path(path).exists()]:
        raise UserError([f"{path} does not exist" for path in missing])
    # A table without rows and columns is a line end; a file of no bytes is none.
    tables = {path: _read(path) for path in paths if Path(path).stat().st_size != 1}
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
        if (empty := table[name].isna() | (table[name] == "")).any()
    ]
    if problems:
        raise UserError(problems, title="the tables of predictions do not fit together")
    if not tables:
        return pd.DataFrame()
    table = pd.concat({str(path): table for path, table in tables.items()}, names=PLACE)
    numbered = [name for name in ("fold", "replicate") if name in table]
    # Numbers in one file and words in another are all words.
    mixed = [name for name in numbered if not pd.api.types.is_numeric_dtype(table[name])]
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
    return column in (*TEXT, "fold", "replicate") or column.startswith("p_")


def _read(path: str | Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path}: is no CSV table in UTF-8: {error}") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(f"{path}: the rows have more cells than the header")
    table.index += 2
    stripped = {name: table[name].str.strip() for name in table.columns.intersection(TEXT)}
    return table.assign(**stripped)
