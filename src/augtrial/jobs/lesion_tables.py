"""The jobs that write tables of all lesions: folds.csv and rois.csv."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from augtrial.core.io import read_table, write_table


def write_folds(*, rows: Sequence[Sequence[Any]], folds: str | Path) -> None:
    """Write folds.csv from rows of lesion_id, patient_id, replicate, fold."""
    columns = ["lesion_id", "patient_id", "replicate", "fold"]
    write_table(folds, pd.DataFrame(rows, columns=columns))


def gather_rois(*, parts: Sequence[str | Path], lesions: Sequence[str], table: str | Path) -> None:
    """Write the measurements of all parts as one table, in the order of these lesion ids."""
    rows = pd.concat([read_table(path) for path in parts]).set_index("lesion_id")
    write_table(table, rows.loc[list(lesions)].reset_index(), float_format="%.6g")
