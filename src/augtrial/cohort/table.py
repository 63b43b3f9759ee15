"""The lesion table: one row a lesion, read whole and checked whole."""

import codecs
import csv
import io
import unicodedata
from pathlib import Path

from augtrial.cohort.lesion import OPTIONAL, REQUIRED, Cohort, Lesion
from augtrial.cohort.rows import LISTED, Problems, Row, row_lesion
from augtrial.spelling import did_you_mean, letters


def read_table(path: Path) -> Cohort:
    """Read a lesion table (CSV, UTF-8) and check all that can be known without the pixels.

    Only the standard library is used, since this runs at every start of Snakemake. Raises
    `UserError` with every problem of the table at once: file, row, value and what is right.
    """
    path = Path(path)
    problems = Problems(path)
    rows, absent = _parse(_decode(path), problems)
    lesions = tuple(row_lesion(row, absent, path.parent) for row in rows)
    _check_identities(rows, problems)
    _check_classes(rows, problems)
    _check_folds(lesions, problems)
    problems.stop()
    return Cohort(path, lesions)


def _decode(path: Path) -> str:
    """Return the table's text; whatever is no UTF-8 text file is told apart and refused."""
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


def _parse(text: str, problems: Problems) -> tuple[list[Row], set[str]]:
    """Return the rows, and the required columns that the header does not have."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
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
                rows.append(Row(number, dict(zip(columns, stripped, strict=True)), problems))
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


def _check_header(columns: list[str], text: str, problems: Problems) -> set[str]:
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
        hint = did_you_mean(column, unknown)
        problems.add("column", f"the column {column!r} is missing{empty}{hint}", 1)
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        places = [str(place) for place, name in enumerate(columns, 1) if name == column]
        text = f"the column {column!r} stands {len(places)} times (columns {', '.join(places)})"
        problems.add("column", f"{text}: keep one", 1)
    for column in OPTIONAL:
        # A misspelt fold or mask would be carried along unread, and nobody would notice.
        for other in unknown:
            if letters(other) == letters(column) and column not in columns:
                problems.add("column", f"the column {other!r} is not read: name it {column!r}", 1)
    return set(absent)


def _check_identities(rows: list[Row], problems: Problems) -> None:
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


def _check_classes(rows: list[Row], problems: Problems) -> None:
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


def _check_folds(lesions: tuple[Lesion, ...], problems: Problems) -> None:
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


def _some(rows: list[int]) -> str:
    """Return "rows 2, 5, 7", cut short after some."""
    tail = f" ... and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows[:LISTED]))}{tail}"
