"""The lesion table: what it reads, and how it tells of every mistake at once."""

import csv
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augtrial.cohort.lesion import BOX, Cohort, Lesion
from augtrial.cohort.table import read_table
from augtrial.core.errors import UserError

COLUMNS = "lesion_id,patient_id,label,image,mask,mask_value,x0,y0,x1,y1,slice,spacing_mm,fold,note"
GOOD = {"image": "a.png", "x0": "1", "y0": "2", "x1": "30.5", "y1": "40"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "m.png", "v.nii.gz"):
        (tmp_path / name).write_bytes(b"any")
    return tmp_path


def write(folder: Path, *rows: dict[str, str], columns: str = COLUMNS, **every: str) -> Path:
    """Write a table; cells that are not given hold a good box lesion, classes take turns."""
    path = folder / "lesions.csv"
    names = columns.split(",")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for number, row in enumerate(rows):
            good = {"lesion_id": f"L{number}", "label": ("cyst", "metastasis")[number % 2]}
            cells = GOOD | good | every | row
            writer.writerow([cells.get(name, "") for name in names])
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(UserError) as caught:
        read_table(path)
    return caught.value.problems


def only_problem(path: Path) -> str:
    found = problems(path)
    assert len(found) == 1, found
    return found[0]


def test_a_good_table_is_read_whole(folder: Path) -> None:
    path = write(
        folder,
        {"lesion_id": "A 1.b", "patient_id": "p1", "fold": "0", "note": "seen, twice"},
        {"patient_id": "p2", "fold": "1", "spacing_mm": "0.7", "image": "v.nii.gz", "slice": "12"},
        {"patient_id": "p3", "fold": "1", "mask": "m.png", "mask_value": "3"}
        | dict.fromkeys(BOX, ""),
    )
    cohort = read_table(path)
    assert isinstance(cohort, Cohort)
    assert cohort.classes == ("cyst", "metastasis")
    assert cohort.has_patients
    assert cohort.has_folds
    first, second, third = cohort.lesions
    assert first == Lesion(
        lesion_id="A 1.b", patient_id="p1", label="cyst", image=folder / "a.png", mask=None,
        mask_value=None, box=(1, 2, 30.5, 40), slice=None, spacing_mm=None, fold=0,
        extra={"note": "seen, twice"}, row=2,
    )  # fmt: skip
    assert (second.slice, second.spacing_mm, second.row) == (12, 0.7, 3)
    assert (third.mask, third.mask_value, third.box) == (folder / "m.png", 3, None)


def test_optional_columns_may_be_left_out(folder: Path) -> None:
    columns = "lesion_id,patient_id,label,image,x0,y0,x1,y1"
    cohort = read_table(write(folder, {}, {}, columns=columns))
    assert not cohort.has_patients
    assert not cohort.has_folds
    assert cohort.lesions[0].extra == {}


def test_empty_rows_are_skipped_and_rows_keep_their_line_numbers(folder: Path) -> None:
    path = write(folder, {}, {})
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "", lines[1], "," * 13, lines[2], ""]))
    assert [lesion.row for lesion in read_table(path).lesions] == [3, 5]


def test_a_byte_order_mark_is_no_part_of_the_header(folder: Path) -> None:
    path = write(folder, {}, {})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_table(path).lesions) == 2


def test_reading_imports_no_heavy_library(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from augtrial.cohort.table import read_table;"
        f"read_table(Path({str(write(folder, {}, {}))!r}));"
        "print([m for m in ('pandas', 'SimpleITK', 'PIL', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_file_is_named_with_its_nearest_neighbour(folder: Path) -> None:
    write(folder, {}, {})
    text = only_problem(folder / "lesion.csv")
    assert text.startswith("lesion.csv: there is no such file")
    assert "'lesions.csv'" in text


def test_a_folder_in_place_of_the_table_is_reported(folder: Path) -> None:
    assert "cannot be read" in only_problem(folder)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", COLUMNS + "\n"])
def test_a_table_without_lesions_is_reported(folder: Path, content: str) -> None:
    path = folder / "lesions.csv"
    path.write_text(content, encoding="utf-8")
    text = only_problem(path)
    assert ("no lesion" if content.startswith("lesion") else "is empty") in text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_reported_with_the_way_out(folder: Path, encoding: str) -> None:
    path = write(folder, {}, {})
    path.write_bytes(path.read_text().encode(encoding))
    text = only_problem(path)
    assert "UTF-16" in text
    assert "CSV UTF-8" in text


def test_latin1_is_reported_with_row_and_byte(folder: Path) -> None:
    path = write(folder, {}, {"note": "Hämangiom"})
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))
    text = only_problem(path)
    assert text.startswith("lesions.csv, row 3: byte 0xe4 ('ä')")
    assert "Latin-1" in text
    assert "CSV UTF-8" in text


def test_a_spreadsheet_is_reported(folder: Path) -> None:
    (folder / "lesions.csv").write_bytes(b"PK\x03\x04 and so on")
    assert "spreadsheet" in only_problem(folder / "lesions.csv")


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_reported(folder: Path, mark: str, name: str) -> None:
    path = write(folder, {}, {})
    path.write_text(path.read_text().replace(",", mark))
    assert f"separated by {name}" in only_problem(path)


def test_missing_columns_are_all_reported_with_the_nearest_spelling(folder: Path) -> None:
    path = write(folder, {}, {}, columns="LesionID,label,images,x0,y0,x1,y1")
    found = problems(path)
    assert len(found) == 3
    assert "'lesion_id' is missing; did you mean 'LesionID'?" in found[0]
    assert "'patient_id' is missing (its cells may stay empty)" in found[1]
    assert "'image' is missing; did you mean 'images'?" in found[2]


def test_missing_columns_hide_no_bad_cell(folder: Path) -> None:
    path = write(folder, {"x0": "left"}, {}, columns="lesion_id,label,image,x0,y0,x1,y1")
    assert [text.split(":")[0] for text in problems(path)] == [
        "lesions.csv, row 1",
        "lesions.csv, row 2",
    ]


def test_a_misspelt_fold_column_is_not_carried_along_in_silence(folder: Path) -> None:
    path = write(folder, {}, {}, columns=COLUMNS.replace("fold", "Fold"))
    assert "'Fold' is not read: name it 'fold'" in only_problem(path)


def test_duplicate_columns_are_reported(folder: Path) -> None:
    path = write(folder, {}, {}, columns=COLUMNS + ",label")
    assert "there are 2 columns 'label' (columns 3, 15)" in only_problem(path)


def test_a_row_of_another_length_is_reported(folder: Path) -> None:
    path = write(folder, {}, {})
    path.write_text(path.read_text() + "L9,p\n")
    text = only_problem(path)
    assert text.startswith("lesions.csv, row 4: the row has 2 cells, but the header has 14")


def test_an_open_quote_is_reported(folder: Path) -> None:
    path = write(folder, {}, {})
    path.write_text(path.read_text() + '"L9,p\n')
    assert re.match(r"lesions.csv, row 4: is not valid CSV .*quotes", only_problem(path))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"lesion_id": ""}, "lesion_id is empty"),
        ({"label": ""}, "label is empty"),
        ({"image": ""}, "image is empty"),
        ({"lesion_id": "a/b"}, "lesion_id is 'a/b': only letters"),
        ({"label": "c+"}, "label is 'c.': only letters, .* become file names"),
        ({"label": "Macro"}, "label is 'Macro': the result tables use this word"),
        ({"x0": "1,5"}, "x0 is '1,5': give a finite number with a decimal point"),
        ({"x0": "nan"}, "x0 is 'nan': give a finite number"),
        ({"y1": "inf"}, "y1 is 'inf': give a finite number"),
        ({"y1": "1_0"}, "y1 is '1_0': give a finite number"),
        ({"x1": "abc"}, "x1 is 'abc': give a finite number"),
        ({"x1": "1e999"}, "x1 is '1e999': give a finite number"),
        ({"x1": ""}, "the box has x0, y0, y1 but no x1"),
        ({"x1": "1"}, "x1 is 1 and x0 is 1: x1 must be greater"),
        ({"y1": "-4"}, "y1 is -4 and y0 is 2: y1 must be greater"),
        (dict.fromkeys(BOX, ""), "neither a mask nor a box"),
        ({"mask": "m.png"}, "a mask .'m.png'. and a box .*: give one"),
        ({"mask_value": "2"}, "mask_value is '2', and there is no mask"),
        ({"mask": "m.png", "mask_value": "0"} | dict.fromkeys(BOX, ""), "mask_value is '0'"),
        ({"mask": "m.png", "slice": "1"} | dict.fromkeys(BOX, ""), "slice is '1', and .* a mask"),
        ({"spacing_mm": "-0.7"}, "spacing_mm is '-0.7'"),
        ({"spacing_mm": "0"}, "spacing_mm is '0'"),
        ({"slice": "12.5"}, "slice is '12.5': give a whole number, 0 or more"),
        ({"slice": "-1"}, "slice is '-1': give a whole number, 0 or more"),
        ({"fold": "first"}, "fold is 'first': give a whole number, 0 or more"),
        ({"fold": "-1"}, "fold is '-1': give a whole number, 0 or more"),
        ({"image": "b.png"}, "image is 'b.png', and there is no .*b.png"),
        ({"image": "b\\c.png"}, "write '/' instead of"),
        ({"image": "lesions.csv"}, "image is 'lesions.csv': give .png"),
        ({"mask": "n.png"} | dict.fromkeys(BOX, ""), "mask is 'n.png', and there is no"),
    ],
)
def test_a_bad_cell_is_reported_with_row_and_value(folder: Path, cells: dict, words: str) -> None:
    others = {"fold": "0" if "fold" in cells else ""}
    found = only_problem(write(folder, others, cells, others | {"label": "metastasis"}))
    assert re.match(rf"lesions\.csv, row 3: .*{words}", found), found


def test_duplicate_lesions_name_both_rows(folder: Path) -> None:
    text = only_problem(write(folder, {}, {}, {"lesion_id": "L0"}))
    assert text.startswith("lesions.csv, row 4: lesion_id 'L0' is already used in row 2")


@pytest.mark.parametrize(("column", "value"), [("patient_id", "p"), ("fold", "1")])
def test_a_column_filled_in_some_rows_only_is_reported(
    folder: Path, column: str, value: str
) -> None:
    text = only_problem(write(folder, {column: value}, {}, {}))
    assert f"{column} is empty in rows 3, 4, and not in the others" in text


def test_a_patient_in_two_folds_is_reported_with_folds_and_rows(folder: Path) -> None:
    rows = [{"patient_id": "p1", "fold": fold} for fold in "01"]
    text = only_problem(write(folder, *rows, {"patient_id": "p2", "fold": "0"}))
    assert "patient_id 'p1' is in fold 0 (row 2), fold 1 (row 3)" in text


def test_a_single_class_is_reported(folder: Path) -> None:
    assert "one class, 'cyst'" in only_problem(write(folder, {}, {}, label="cyst"))


def test_classes_that_differ_by_capitals_are_reported(folder: Path) -> None:
    text = only_problem(write(folder, {}, {}, {"label": "Cyst"}))
    assert text.startswith("lesions.csv, row 4: label 'Cyst' differs from 'cyst' (row 2)")


def test_a_single_given_fold_is_reported(folder: Path) -> None:
    assert "one fold, 2" in only_problem(write(folder, {}, {}, fold="2"))


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    path = write(
        folder,
        {"x0": "abc", "spacing_mm": "-1", "fold": "x"},
        {"lesion_id": "L0", "image": "gone.png", "fold": "1", "patient_id": "p"},
        {"label": "a/b", "slice": "q", "fold": "0", "patient_id": "p"},
        {"fold": "0"},
    )
    with pytest.raises(UserError) as caught:
        read_table(path)
    assert len(caught.value.problems) == 9
    text = str(caught.value)
    for words in ("'abc'", "'-1'", "'x'", "'L0'", "gone.png", "'a/b'", "'q'", "fold 0", "empty in"):
        assert words in text
    assert str(path) in text


def test_a_long_list_of_one_kind_is_cut_and_hides_no_other(folder: Path) -> None:
    rows = [{"image": f"gone{number}.png"} for number in range(57)]
    found = problems(write(folder, *rows, {"label": "?"}))
    assert len(found) == 22
    assert found[20] == "... and 37 more (image that does not exist)"
    assert "label is '?'" in found[21]


names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
numbers = st.floats(0, 1e4, allow_subnormal=False)


@st.composite
def tables(draw: st.DrawFn) -> list[dict]:
    """Draw the cells of a valid table."""
    ids = draw(st.lists(names, min_size=2, max_size=6, unique=True))
    patients, folds = draw(st.booleans()), draw(st.booleans())
    rows = []
    for number, lesion_id in enumerate(ids):
        row = {"lesion_id": lesion_id, "label": f"class {number % 2}", "image": "a.png"}
        row["patient_id"] = f"p{number}" if patients else ""
        row["fold"] = number % 2 if folds else None
        row["spacing_mm"] = draw(st.none() | st.floats(1e-3, 10))
        masked = draw(st.booleans())
        row["mask"] = "m.png" if masked else ""
        row["mask_value"] = draw(st.none() | st.integers(1, 99)) if masked else None
        x0, y0 = draw(numbers), draw(numbers)
        row["box"] = None if masked else (x0, y0, x0 + 1 + draw(numbers), y0 + 2.5)
        row["slice"] = None if masked else draw(st.none() | st.integers(0, 999))
        row["note"] = draw(
            st.text(st.characters(codec="utf-8", categories=("L", "P", "N")))
        ).strip()
        rows.append(row)
    return rows


@given(tables())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_valid_table_is_read_back_as_written(folder: Path, rows: list[dict]) -> None:
    cells = [
        {name: "" if value is None else str(value) for name, value in row.items() if name != "box"}
        | dict(zip(BOX, map(repr, row["box"]) if row["box"] else [""] * 4, strict=True))
        for row in rows
    ]
    lesions = read_table(write(folder, *cells)).lesions
    for row, lesion in zip(rows, lesions, strict=True):
        for name in ("lesion_id", "patient_id", "label", "fold", "mask_value", "box", "slice"):
            assert getattr(lesion, name) == row[name]
        assert lesion.spacing_mm == row["spacing_mm"]
        assert lesion.mask == (folder / "m.png" if row["mask"] else None)
        assert lesion.extra == {"note": row["note"]}


@pytest.mark.parametrize(
    ("table", "lesions", "patients", "folds"),
    [
        ("brain-tumor-mr/lesions-182.csv", 182, False, True),
        ("brain-tumor-mr/lesions-780.csv", 780, False, True),
        ("lung-nodule-ct/lesions.csv", 1314, True, False),
    ],
)
def test_the_public_cohorts_are_read(table: str, lesions: int, patients: bool, folds: bool) -> None:
    root = os.environ.get("AUGTRIAL_COHORTS")
    if not root:
        pytest.skip("AUGTRIAL_COHORTS names no folder of cohorts")
    cohort = read_table(Path(root) / table)
    assert len(cohort.lesions) == lesions
    assert len(cohort.classes) == 3
    assert (cohort.has_patients, cohort.has_folds) == (patients, folds)


def test_the_example_of_the_documentation_is_a_valid_table(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "lesion-table.md"
    example = re.search(r"```csv\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1]
    for path in set(re.findall(r"[\w-]+/[\w.-]+", example)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch() if "." in path else (tmp_path / path).mkdir()
    (tmp_path / "lesions.csv").write_text(example)
    cohort = read_table(tmp_path / "lesions.csv")
    assert [lesion.lesion_id for lesion in cohort.lesions] == ["L1", "L2", "L3", "L4", "L5"]
    assert cohort.lesions[4].box == (98, 301, 140.5, 338)
    assert cohort.lesions[4].slice == 57
    assert cohort.lesions[0].extra == {"scanner": "A"}
