"""One row of the lesion table: its cells are checked and read as a lesion."""

import math
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from augtrial.cohort.lesion import BOX, OPTIONAL, PICTURES, REQUIRED, VOLUMES, Lesion
from augtrial.core.errors import UserError
from augtrial.core.names import RESERVED_CLASSES, first_lines

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
MAX_LISTED = 20  # problems of one kind


def rows_in_words(numbers: list[int]) -> str:
    """Return "row 2" or "rows 2, 5, 7", with at most MAX_LISTED numbers."""
    listed = ", ".join(first_lines([str(number) for number in numbers], MAX_LISTED))
    return f"row {listed}" if len(numbers) == 1 else f"rows {listed}"


class Problems:
    """The problems of a table by kind, so that many of one kind do not hide the others."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.kinds: dict[str, list[str]] = {}

    def add(self, kind: str, text: str, row: int | None = None) -> None:
        """Add a problem of the table, or of one of its rows."""
        where = self.table.name if row is None else f"{self.table.name}, row {row}"
        self.kinds.setdefault(kind, []).append(f"{where}: {text}")

    def raise_if_any(self) -> None:
        """Raise `UserError` with all problems so far, if there are any."""
        lines = []
        for kind, texts in self.kinds.items():
            lines += texts[:MAX_LISTED]
            if len(texts) > MAX_LISTED:
                lines.append(f"... and {len(texts) - MAX_LISTED} more ({kind})")
        if lines:
            raise UserError(lines, title=f"The lesion table {self.table} cannot be used:")


@dataclass
class Row:
    """The cells of one row by column ("": none); a wrong cell is reported, and read as None."""

    number: int
    cells: dict[str, str]
    problems: Problems

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def report(self, kind: str, text: str) -> None:
        """Add a problem of this row."""
        self.problems.add(kind, text, self.number)

    def read_float(self, column: str) -> float | None:
        """Return a finite number; None if the cell is empty or wrong."""
        cell = self[column]
        if not cell:
            return None
        # float() alone would accept 1_000, nan and inf.
        if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
            return float(cell)
        hint = " with a decimal point, not a comma" if "," in cell else ""
        self.report(f"bad {column}", f"{column} is {cell!r}: give a finite number{hint}")
        return None

    def read_int(self, column: str, minimum: int) -> int | None:
        """Return a whole number of at least `minimum`; "3.0", as spreadsheets write it, is 3."""
        cell = self[column]
        if not cell:
            return None
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if math.isfinite(value) and value == int(value) and value >= minimum:
            return int(value)
        advice = f"give a whole number, {minimum} or more"
        self.report(f"bad {column}", f"{column} is {cell!r}: {advice}")
        return None


def row_lesion(row: Row, missing_columns: set[str], folder: Path) -> Lesion:
    """Return the lesion of a row; wrong cells are reported, and left out.

    `missing_columns` are reported already. `folder` is the table's, where relative paths start.
    """
    for column in ("lesion_id", "label", "image"):
        if not row[column] and column not in missing_columns:
            row.report(f"empty {column}", f"{column} is empty: every lesion needs one")
    lesion_id, label = (unicodedata.normalize("NFC", row[name]) for name in ("lesion_id", "label"))
    _check_names(row, lesion_id, label)
    spacing = row.read_float("spacing_mm")
    if spacing is not None and spacing <= 0:
        advice = "give the pixel size in mm, more than 0, or leave the cell empty"
        row.report("bad spacing_mm", f"spacing_mm is {row['spacing_mm']!r}: {advice}")
    _check_region(row)
    return Lesion(
        lesion_id=lesion_id,
        patient_id=unicodedata.normalize("NFC", row["patient_id"]),
        label=label,
        image=_read_path(row, "image", folder) or folder,
        mask=_read_path(row, "mask", folder),
        mask_value=row.read_int("mask_value", minimum=1),
        box=_read_box(row),
        slice=row.read_int("slice", minimum=0),
        spacing_mm=spacing,
        fold=row.read_int("fold", minimum=0),
        extra={name: cell for name, cell in row.cells.items() if name not in REQUIRED + OPTIONAL},
        row=row.number,
    )


def _check_names(row: Row, lesion_id: str, label: str) -> None:
    """Report an id or a label that cannot be used in the results."""
    if re.search(r"[^\w. -]", lesion_id):
        reason = "only letters, digits, '_', '-', '.' and spaces are allowed: it is used as a key"
        row.report("bad lesion_id", f"lesion_id is {lesion_id!r}: {reason}")
    if re.search(r"[^\w -]", label):
        reason = "only letters, digits, '_', '-' and spaces are allowed: classes become file names"
        row.report("bad label", f"label is {label!r}: {reason}")
    if label.lower() in RESERVED_CLASSES:
        reason = "the result tables use this word; rename the class"
        row.report("bad label", f"label is {label!r}: {reason}")


def _read_path(row: Row, column: str, folder: Path) -> Path | None:
    """Return the path in a cell, joined to the table's folder; report one that cannot be read."""
    cell = row[column]
    if not cell:
        return None
    path = folder / cell
    if not os.path.exists(path):  # Path.exists raises if a folder may not be entered
        hint = "; write '/' instead of '\\'" if "\\" in cell else ""
        text = f"{column} is {cell!r}, and there is no {path}: paths start at the table's folder"
        row.report(f"{column} that does not exist", text + hint)
    elif not os.path.isdir(path) and not path.name.lower().endswith(PICTURES + VOLUMES):
        formats = f"give {', '.join(PICTURES + VOLUMES)} or the folder of a DICOM series"
        row.report(f"{column} of unknown format", f"{column} is {cell!r}: {formats}")
    return path


def _check_region(row: Row) -> None:
    """Report a lesion without a region, with both mask and box, or with cells that do not fit."""
    filled = [name for name in BOX if row[name]]
    if row["mask"] and filled:
        cells = ", ".join(f"{name} {row[name]}" for name in filled)
        text = f"there are a mask ({row['mask']!r}) and a box ({cells}): give one of them"
        row.report("mask and box", text)
    elif not row["mask"] and not filled:
        row.report("no region", "there is neither a mask nor a box x0,y0,x1,y1: give one of them")
    elif 0 < len(filled) < len(BOX):
        missing = ", ".join(name for name in BOX if name not in filled)
        text = f"the box has {', '.join(filled)} but no {missing}: give all four"
        row.report("incomplete box", text)
    if row["mask_value"] and not row["mask"]:
        text = f"mask_value is {row['mask_value']!r}, and there is no mask: give a mask, or leave "
        row.report("mask_value alone", f"{text}mask_value empty")
    if row["slice"] and row["mask"]:
        text = f"slice is {row['slice']!r}, and there is a mask: the slice of its largest area is "
        row.report("slice and mask", f"{text}used; leave slice empty, or rename the column")


def _read_box(row: Row) -> tuple[float, float, float, float] | None:
    """Return the box, or None if it is not complete; report a box of no area."""
    x0, y0, x1, y1 = (row.read_float(name) for name in BOX)
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None
    for low, high, first, last in ((x0, x1, "x0", "x1"), (y0, y1, "y0", "y1")):
        if high <= low:
            text = f"{last} is {row[last]} and {first} is {row[first]}: {last} must be greater"
            row.report("inverted box", text)
    return x0, y0, x1, y1
