"""The lesion table: one row a lesion, read whole and checked whole."""

import codecs
import csv
import difflib
import io
import math
import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from augtrial.errors import UserError

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
BOX = ("x0", "y0", "x1", "y1")
REQUIRED = ("lesion_id", "patient_id", "label", "image")
OPTIONAL = ("mask", "mask_value", *BOX, "slice", "spacing_mm", "fold")

# The result tables use these words in the same column as the classes.
_RESERVED = ("all", "macro", "weighted")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Lesion:
    """One row of the lesion table; the pixels are read by `lesion_slice`.

    `patient_id` is "" where the table has none. `image` and `mask` are joined to the table's
    folder. `box` is (x0, y0, x1, y1) in pixel edges: (0, 0, width, height) is the whole image.
    `fold` is any whole number from 0. `extra` holds the columns that are only carried along;
    `row` is the line in the file, where the header is line 1.
    """

    lesion_id: str
    patient_id: str
    label: str
    image: Path
    mask: Path | None
    mask_value: int | None
    box: tuple[float, float, float, float] | None
    slice: int | None
    spacing_mm: float | None
    fold: int | None
    extra: dict[str, str] = field(hash=False)
    row: int


@dataclass(frozen=True)
class Cohort:
    """The lesions of a study, in the order of their table."""

    table: Path
    lesions: tuple[Lesion, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted alphabetically."""
        return tuple(sorted({lesion.label for lesion in self.lesions}))

    @property
    def has_patients(self) -> bool:
        """Whether the table says which lesions share a patient."""
        return any(lesion.patient_id for lesion in self.lesions)

    @property
    def has_folds(self) -> bool:
        """Whether the table gives the folds."""
        return any(lesion.fold is not None for lesion in self.lesions)


def read_table(path: Path) -> Cohort:
    """Read a lesion table (CSV, UTF-8) and check all that can be known without the pixels.

    Only the standard library is used, since this runs at every start of Snakemake. Raises
    `UserError` with every problem of the table at once: file, row, value and what is right.
    """
    path = Path(path)
    problems = _Problems(path)
    rows, absent = _parse(_decode(path), problems)
    lesions = tuple(_lesion(row, absent, path.parent) for row in rows)
    _check_identities(rows, problems)
    _check_classes(rows, problems)
    _check_folds(lesions, problems)
    problems.stop()
    return Cohort(path, lesions)


class _Problems:
    """Problems by kind, so that a thousand of one kind do not bury one of another."""

    def __init__(self, table: Path) -> None:
        self.table = table
        self.kinds: dict[str, list[str]] = {}

    def add(self, kind: str, text: str, row: int | None = None) -> None:
        place = self.table.name if row is None else f"{self.table.name}, row {row}"
        self.kinds.setdefault(kind, []).append(f"{place}: {text}")

    def stop(self) -> None:
        lines = []
        for kind, texts in self.kinds.items():
            lines += texts[:_LISTED]
            if len(texts) > _LISTED:
                lines.append(f"... and {len(texts) - _LISTED} more ({kind})")
        if lines:
            raise UserError(lines, title=f"The lesion table {self.table} cannot be used:")


@dataclass
class _Row:
    """The cells of one row by column; a bad cell is reported and read as None."""

    number: int
    cells: dict[str, str]
    problems: _Problems

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def complain(self, kind: str, text: str) -> None:
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


def _decode(path: Path) -> str:
    """Return the table's text; whatever is no UTF-8 text file is told apart and refused."""
    problems = _Problems(path)
    raw = b""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        siblings = [entry.name for entry in path.parent.glob("*.csv")]
        problems.add("no file", "there is no such file" + _nearest(path.name, siblings))
    except OSError as error:
        problems.add("unreadable", f"cannot be read: {error.strerror}; give a CSV file")
    else:
        if not raw.strip():
            problems.add("empty", "the file is empty: give a header row and one row a lesion")
    if raw.startswith(b"PK\x03\x04"):
        problems.add("encoding", "this is a spreadsheet or zip file: save it as 'CSV UTF-8'")
    elif raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:200]:
        how = f"save it as 'CSV UTF-8', or: iconv -f UTF-16 -t UTF-8 {path.name} > new.csv"
        problems.add("encoding", f"the text looks like UTF-16, not UTF-8: {how}")
    problems.stop()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        how = f"save it as 'CSV UTF-8', or: iconv -f CP1252 -t UTF-8 {path.name} > new.csv"
        byte = f"byte 0x{raw[error.start]:02x} ({raw[error.start : error.end].decode('latin-1')!r})"
        text = f"{byte} is not UTF-8; it looks like Latin-1 (Windows-1252): {how}"
        problems.add("encoding", text, row)
        problems.stop()
        raise


def _parse(text: str, problems: _Problems) -> tuple[list[_Row], set[str]]:
    """Return the rows, and the required columns that the header does not have."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    columns: list[str] = []
    absent: set[str] = set()
    start = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            number, start = start, reader.line_num + 1
            if not any(stripped):
                continue  # spreadsheets leave empty rows at the end
            if not columns:
                columns = stripped
                absent = _check_header(columns, text, problems)
            elif len(stripped) == len(columns):
                rows.append(_Row(number, dict(zip(columns, stripped, strict=True)), problems))
            else:
                counts = f"{len(stripped)} cells, where the header has {len(columns)}"
                hint = "quote cells that hold a comma" if len(stripped) > len(columns) else ""
                advice = hint or "write an empty cell for what is not known"
                problems.add("cells", f"the row has {counts}: {advice}", number)
    except csv.Error as error:
        problems.add("csv", f"is not proper CSV ({error}): mind the quotes", start)
    if not rows and not problems.kinds:
        what = "there is a header and no lesion" if columns else "the file is empty"
        problems.add("empty", f"{what}: give a header row and one row a lesion")
    return rows, absent


def _check_header(columns: list[str], text: str, problems: _Problems) -> set[str]:
    """Report what is wrong with the header; return the required columns it does not have."""
    absent = [column for column in REQUIRED if column not in columns]
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        cells = text.strip().splitlines()[0].split(mark)
        if len(absent) == len(REQUIRED) and len(cells) > len(columns):
            advice = "separate them by commas, and write numbers with a decimal point"
            problems.add("separator", f"the cells are separated by {name}: {advice}", 1)
            problems.stop()
    unknown = [column for column in columns if column not in (*REQUIRED, *OPTIONAL)]
    for column in absent:
        empty = " (its cells may stay empty)" if column == "patient_id" else ""
        hint = _nearest(column, unknown)
        problems.add("column", f"the column {column!r} is missing{empty}{hint}", 1)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        places = [str(place) for place, name in enumerate(columns, 1) if name == column]
        text = f"the column {column!r} stands {len(places)} times (columns {', '.join(places)})"
        problems.add("column", f"{text}: keep one", 1)
    for column in OPTIONAL:
        # A misspelt fold or mask would be carried along unread, and nobody would notice.
        for other in unknown:
            if _plain(other) == _plain(column) and column not in columns:
                problems.add("column", f"the column {other!r} is not read: name it {column!r}", 1)
    return set(absent)


def _lesion(row: _Row, absent: set[str], folder: Path) -> Lesion:
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


def _file(row: _Row, column: str, folder: Path) -> Path | None:
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


def _box(row: _Row) -> tuple[float, float, float, float] | None:
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


def _check_identities(rows: list[_Row], problems: _Problems) -> None:
    """Report lesions of one name, and columns that are filled in some rows only."""
    seen: dict[str, int] = {}
    for row in rows:
        name = unicodedata.normalize("NFC", row["lesion_id"])
        if name and name in seen:
            text = f"lesion_id {name!r} stands in row {seen[name]} already: give each its own"
            row.complain("duplicate lesion_id", text)
        seen.setdefault(name, row.number)
    for column in ("patient_id", "fold"):
        empty = [row.number for row in rows if not row[column]]
        if empty and len(empty) < len(rows):
            text = f"{column} is empty in {_some(empty)}, and not in the others"
            problems.add("gaps", f"{text}: fill it in every row, or in none")


def _check_classes(rows: list[_Row], problems: _Problems) -> None:
    """Report a cohort of one class, and classes that differ by capital letters only."""
    first: dict[str, int] = {}
    for row in rows:
        if row["label"]:
            first.setdefault(row["label"], row.number)
    if len(first) == 1:
        text = f"all lesions are of one class, {next(iter(first))!r}: two or more are needed"
        problems.add("classes", text)
    folded: dict[str, str] = {}
    for label, row in first.items():
        twin = folded.setdefault(label.casefold(), label)
        if twin != label:
            text = f"label {label!r} differs from {twin!r} (row {first[twin]}) by capital letters"
            problems.add("classes", f"{text} only: write one of them", row)


def _check_folds(lesions: tuple[Lesion, ...], problems: _Problems) -> None:
    """Report a single fold, and patients who stand in more than one."""
    folds = sorted({lesion.fold for lesion in lesions if lesion.fold is not None})
    if len(folds) == 1 and all(lesion.fold is not None for lesion in lesions):
        text = f"all lesions are in one fold, {folds[0]}: give two or more, or leave fold empty"
        problems.add("folds", text)
    places: dict[str, dict[int, int]] = {}
    for lesion in lesions:
        if lesion.patient_id and lesion.fold is not None:
            places.setdefault(lesion.patient_id, {}).setdefault(lesion.fold, lesion.row)
    for patient, rows in places.items():
        if len(rows) > 1:
            where = ", ".join(f"fold {fold} (row {row})" for fold, row in sorted(rows.items()))
            text = f"patient_id {patient!r} stands in {where}: keep a patient in one fold"
            problems.add("patients in several folds", text)


def _nearest(word: str, words: list[str]) -> str:
    """Return "; did you mean ...?" for the nearest of the words, or nothing."""
    plain = {_plain(other): other for other in words}
    close = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f"; did you mean {plain[close[0]]!r}?" if close else ""


def _plain(word: str) -> str:
    """Return a name without capitals and marks: "Lesion-ID" and "lesion_id" are one."""
    return re.sub(r"[\W_]", "", word.lower())


def _some(rows: list[int]) -> str:
    """Return "rows 2, 5, 7", cut short after some."""
    tail = f" ... and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:_LISTED]))}{tail}"
