"""The lesion table: one row per lesion, read and checked as a whole."""

import csv
import io
import unicodedata
from pathlib import Path

from augtrial.cohort.lesion import OPTIONAL, REQUIRED, Cohort, Lesion
from augtrial.cohort.rows import Problems, Row, row_lesion, rows_in_words
from augtrial.core.io import SEPARATORS, not_utf8
from augtrial.core.names import did_you_mean, letters

NEEDED = "give a header row and one row per lesion"


def read_table(path: Path) -> Cohort:
    """Read a lesion table (CSV, UTF-8) and check everything that does not need the pixels.

    Uses only the standard library, since it runs at every start of Snakemake. Raises `UserError`
    with all problems of the table: file, row, value, and what would be right.
    """
    path = Path(path)
    problems = Problems(path)
    rows, missing_columns = _parse(_decode(path), problems)
    lesions = tuple(row_lesion(row, missing_columns, path.parent) for row in rows)
    _check_identities(rows, problems)
    _check_classes(rows, problems)
    _check_folds(lesions, problems)
    problems.raise_if_any()
    return Cohort(path, lesions)


def _decode(path: Path) -> str:
    """Return the table's text; refuse a file that is not UTF-8 text, and say what it is."""
    problems = Problems(path)
    raw = b""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        siblings = [entry.name for entry in path.parent.glob("*.csv")]
        problems.add("no file", "there is no such file" + did_you_mean(path.name, siblings))
    except OSError as error:
        problems.add("unreadable", f"cannot be read: {error.strerror}; give a CSV file")
    else:
        if not raw.strip():
            problems.add("empty", f"the file is empty: {NEEDED}")
    if found := not_utf8(raw, path.name):
        problems.add("encoding", *found)
    problems.raise_if_any()
    return raw.decode("utf-8-sig")


def _parse(text: str, problems: Problems) -> tuple[list[Row], set[str]]:
    """Return the rows, and the required columns that the header does not have."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    columns: list[str] = []
    missing_columns: set[str] = set()
    next_line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            line, next_line = next_line, reader.line_num + 1
            if not any(stripped):
                continue  # spreadsheets leave empty rows at the end
            if not columns:
                columns = stripped
                missing_columns = _check_header(columns, text, problems)
            elif len(stripped) == len(columns):
                rows.append(Row(line, dict(zip(columns, stripped, strict=True)), problems))
            else:
                what = f"the row has {len(stripped)} cells, but the header has {len(columns)}"
                advice = "leave a cell empty if its value is not known"
                if len(stripped) > len(columns):
                    advice = "put quotes around cells that contain a comma"
                problems.add("cells", f"{what}: {advice}", line)
    except csv.Error as error:
        problems.add("csv", f"is not valid CSV ({error}): check the quotes", next_line)
    if not rows and not problems.kinds:
        what = "there is a header but no lesion" if columns else "the file is empty"
        problems.add("empty", f"{what}: {NEEDED}")
    return rows, missing_columns


def _check_header(columns: list[str], text: str, problems: Problems) -> set[str]:
    """Report what is wrong with the header; return the required columns that it does not have."""
    missing = [column for column in REQUIRED if column not in columns]
    for mark, name in SEPARATORS:
        cells = text.strip().splitlines()[0].split(mark)
        if len(missing) == len(REQUIRED) and len(cells) > len(columns):
            advice = "separate them by commas, and write numbers with a decimal point"
            problems.add("separator", f"the cells are separated by {name}: {advice}", 1)
            problems.raise_if_any()
    unknown = [column for column in columns if column not in (*REQUIRED, *OPTIONAL)]
    for column in missing:
        may_be_empty = " (its cells may stay empty)" if column == "patient_id" else ""
        hint = did_you_mean(column, unknown)
        problems.add("column", f"the column {column!r} is missing{may_be_empty}{hint}", 1)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        numbers = [str(number) for number, name in enumerate(columns, 1) if name == column]
        text = f"there are {len(numbers)} columns {column!r} (columns {', '.join(numbers)})"
        problems.add("column", f"{text}: keep one", 1)
    for column in OPTIONAL:
        # A misspelt fold or mask column would not be used, and nobody would notice.
        for name in unknown:
            if letters(name) == letters(column) and column not in columns:
                problems.add("column", f"the column {name!r} is not read: name it {column!r}", 1)
    return set(missing)


def _check_identities(rows: list[Row], problems: Problems) -> None:
    """Report lesions with the same id, and columns that are filled in some rows only."""
    first_row: dict[str, int] = {}
    for row in rows:
        name = unicodedata.normalize("NFC", row["lesion_id"])
        if name and name in first_row:
            text = f"lesion_id {name!r} is already used in row {first_row[name]}"
            row.report("duplicate lesion_id", f"{text}: give every lesion its own id")
        first_row.setdefault(name, row.number)
    for column in ("patient_id", "fold"):
        empty = [row.number for row in rows if not row[column]]
        if empty and len(empty) < len(rows):
            text = f"{column} is empty in {rows_in_words(empty)}, and not in the others"
            problems.add("gaps", f"{text}: fill it in every row, or in none")


def _check_classes(rows: list[Row], problems: Problems) -> None:
    """Report a cohort of one class, and classes that differ only by capital letters."""
    first_row: dict[str, int] = {}
    for row in rows:
        if row["label"]:
            first_row.setdefault(row["label"], row.number)
    if len(first_row) == 1:
        text = f"all lesions are of one class, {next(iter(first_row))!r}"
        problems.add("classes", f"{text}: at least two classes are needed")
    spellings: dict[str, str] = {}
    for label, number in first_row.items():
        first_label = spellings.setdefault(label.casefold(), label)
        if first_label != label:
            text = f"label {label!r} differs from {first_label!r} (row {first_row[first_label]})"
            problems.add("classes", f"{text} only by capital letters: write both alike", number)


def _check_folds(lesions: tuple[Lesion, ...], problems: Problems) -> None:
    """Report a single fold, and patients with lesions in several folds."""
    folds = sorted({lesion.fold for lesion in lesions if lesion.fold is not None})
    if len(folds) == 1 and all(lesion.fold is not None for lesion in lesions):
        text = f"all lesions are in one fold, {folds[0]}: give two or more, or leave fold empty"
        problems.add("folds", text)
    first_rows: dict[str, dict[int, int]] = {}  # patient -> fold -> row
    for lesion in lesions:
        if lesion.patient_id and lesion.fold is not None:
            first_rows.setdefault(lesion.patient_id, {}).setdefault(lesion.fold, lesion.row)
    for patient, rows in first_rows.items():
        if len(rows) > 1:
            where = ", ".join(f"fold {fold} (row {row})" for fold, row in sorted(rows.items()))
            text = f"patient_id {patient!r} is in {where}: keep each patient in one fold"
            problems.add("patients in several folds", text)
