"""A row of the lesion table to a lesion: each cell is read and checked for itself."""

import math
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from augtrial.cohort.lesion import BOX, OPTIONAL, PICTURES, REQUIRED, VOLUMES, Lesion
from augtrial.errors import UserError

# The result tables use these words in the same column as the classes.
_RESERVED = ("all", "macro", "weighted")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
LISTED = 20  # problems of one kind, before they are cut short


class Problems:
    """Problems by kind, so that a thousand of one kind do not bury one of another."""

    def __init__(self, table: Path) -> None:
        """Begin without problems of this table."""
        self.table = table
        self.kinds: dict[str, list[str]] = {}

    def add(self, kind: str, text: str, row: int | None = None) -> None:
        """Note a problem of the table, or of one of its rows."""
        place = self.table.name if row is None else f"{self.table.name}, row {row}"
        self.kinds.setdefault(kind, []).append(f"{place}: {text}")

    def stop(self) -> None:
        """Raise `UserError` with all that was noted, if anything was."""
        lines = []
        for kind, texts in self.kinds.items():
            lines += texts[:LISTED]
            if len(texts) > LISTED:
                lines.append(f"... and {len(texts) - LISTED} more ({kind})")
        if lines:
            raise UserError(lines, title=f"The lesion table {self.table} cannot be used:")


@dataclass
class Row:
    """The cells of one row by column; a bad cell is reported and read as None."""

    number: int
    cells: dict[str, str]
    problems: Problems

    def __getitem__(self, column: str) -> str:
        """Return a cell; columns that the table does not have are empty."""
        return self.cells.get(column, "")

    def complain(self, kind: str, text: str) -> None:
        """Note a problem of this row."""
        self.problems.add(kind, text, self.number)

    def real(self, column: str) -> float | None:
        """Return a finite number; None where the cell is empty or wrong."""
        cell = self[column]
        if not cell:
            return None
        # float() alone would take 1_000, nan and inf.
        if _NUMBER.fullmatch(cell) and math.isfinite(float(cell)):
            return float(cell)
        hint = " with a decimal point, not a comma" if "," in cell else ""
        self.complain(f"bad {column}", f"{column} is {cell!r}: give a finite number{hint}")
        return None

    def whole(self, column: str, least: int) -> int | None:
        """Return a whole number of at least `least`; "3.0", as spreadsheets write it, is 3."""
        cell = self[column]
        if not cell:
            return None
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if math.isfinite(value) and value == int(value) and value >= least:
            return int(value)
        wanted = f"give a whole number, {least} or more"
        self.complain(f"bad {column}", f"{column} is {cell!r}: {wanted}")
        return None


def row_lesion(row: Row, absent: set[str], folder: Path) -> Lesion:
    """Make a lesion of a row; what is wrong is reported to the row and left out."""
    for column in ("lesion_id", "label", "image"):
        if not row[column] and column not in absent:
            row.complain(f"empty {column}", f"{column} is empty: every lesion needs one")
    lesion_id, label = (unicodedata.normalize("NFC", row[name]) for name in ("lesion_id", "label"))
    if re.search(r"[^\w. -]", lesion_id):
        allowed = "letters, digits, '_', '-', '.' and spaces are allowed: it is used as a key"
        row.complain("bad lesion_id", f"lesion_id is {lesion_id!r}: only {allowed}")
    if re.search(r"[^\w -]", label):
        allowed = "letters, digits, '_', '-' and spaces are allowed: classes become file names"
        row.complain("bad label", f"label is {label!r}: only {allowed}")
    if label.lower() in _RESERVED:
        row.complain("bad label", f"label is {label!r}: the result tables use this word; rename it")
    spacing = row.real("spacing_mm")
    if spacing is not None and spacing <= 0:
        wanted = "give the pixel size in mm, more than 0, or leave it empty"
        row.complain("bad spacing_mm", f"spacing_mm is {row['spacing_mm']!r}: {wanted}")
    image = _file(row, "image", folder)
    mask = _file(row, "mask", folder)
    return Lesion(
        lesion_id=lesion_id,
        patient_id=unicodedata.normalize("NFC", row["patient_id"]),
        label=label,
        image=image or folder,
        mask=mask,
        mask_value=row.whole("mask_value", least=1),
        box=_box(row),
        slice=row.whole("slice", least=0),
        spacing_mm=spacing,
        fold=row.whole("fold", least=0),
        extra={name: cell for name, cell in row.cells.items() if name not in REQUIRED + OPTIONAL},
        row=row.number,
    )


def _file(row: Row, column: str, folder: Path) -> Path | None:
    """Return the path in a cell, joined to the table's folder; report what is not there."""
    cell = row[column]
    if not cell:
        return None
    path = folder / cell
    if not os.path.exists(path):  # Path.exists raises where a folder may not be entered
        hint = "; write '/' instead of '\\'" if "\\" in cell else ""
        text = f"{column} is {cell!r}, and there is no {path}: paths start at the table's folder"
        row.complain(f"{column} that does not exist", text + hint)
    elif not os.path.isdir(path) and not path.name.lower().endswith(PICTURES + VOLUMES):
        formats = f"give {', '.join(PICTURES + VOLUMES)} or the folder of a DICOM series"
        row.complain(f"{column} of unknown format", f"{column} is {cell!r}: {formats}")
    return path


def _box(row: Row) -> tuple[float, float, float, float] | None:
    """Return the box; report a lesion that is marked by nothing, twice or by half a box."""
    given = [name for name in BOX if row[name]]
    missing = [name for name in BOX if not row[name]]
    if row["mask"] and given:
        cells = ", ".join(f"{name} {row[name]}" for name in given)
        text = f"there are a mask ({row['mask']!r}) and a box ({cells}): give one of them"
        row.complain("mask and box", text)
    elif not row["mask"] and not given:
        row.complain("no region", "there is neither a mask nor a box x0,y0,x1,y1: give one of them")
    elif given and missing:
        text = f"the box has {', '.join(given)} but no {', '.join(missing)}: give all four"
        row.complain("half a box", text)
    if row["mask_value"] and not row["mask"]:
        text = f"mask_value is {row['mask_value']!r}, and there is no mask: give one, or empty it"
        row.complain("mask_value alone", text)
    if row["slice"] and row["mask"]:
        text = f"slice is {row['slice']!r}, and there is a mask, whose largest slice is found"
        row.complain("slice and mask", f"{text} by itself: empty the cell, or rename the column")
    x0, y0, x1, y1 = (row.real(name) for name in BOX)
    if x0 is None or y0 is None or x1 is None or y1 is None:
        return None
    for low, high, names in ((x0, x1, "x0,x1"), (y0, y1, "y0,y1")):
        if high <= low:
            first, last = names.split(",")
            text = f"{last} is {row[last]} and {first} is {row[first]}: {last} must be greater"
            row.complain("inverted box", text)
    return x0, y0, x1, y1
