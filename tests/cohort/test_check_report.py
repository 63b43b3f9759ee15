"""The check of a cohort: every problem of every lesion in one report."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from augtrial.cohort import formats
from augtrial.cohort.check_report import CheckReport, check_cohort
from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.cohort.table import read_table

CLASSES = ("cyst", "hemangioma", "metastasis")


def hu(number: int) -> np.ndarray:
    """Return a slice of 40 x 50 pixels that no other number has, around 100 HU, air in a corner."""
    pixels = np.random.default_rng(number).normal(100, 10, (40, 50)).astype(np.float32)
    pixels[0, 0] = -1000
    return pixels


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    """Nine sound lesions of nine patients in three classes, with boxes."""
    lesions = []
    for number in range(9):
        np.save(tmp_path / f"{number}.npy", hu(number))
        lesions.append(
            Lesion(
                lesion_id=f"L{number}", patient_id=f"p{number}", label=CLASSES[number % 3],
                image=tmp_path / f"{number}.npy", mask=None, mask_value=None,
                box=(10, 10, 30, 25), slice=None, spacing_mm=0.7, fold=None, extra={},
                row=number + 2,
            )
        )  # fmt: skip
    return Cohort(tmp_path / "lesions.csv", tuple(lesions))


def changed(cohort: Cohort, rows: dict[int, dict] | None = None, **every: object) -> Cohort:
    """Return the cohort with cells changed in every lesion, or in those numbered."""
    lesions = [replace(lesion, **every) for lesion in cohort.lesions]
    for number, cells in (rows or {}).items():
        lesions[number] = replace(lesions[number], **cells)
    return Cohort(cohort.table, tuple(lesions))


def masked(cohort: Cohort, mask: np.ndarray, name: str = "mask.npy") -> Cohort:
    path = cohort.table.parent / name
    np.save(path, mask) if name.endswith("npy") else Image.fromarray(mask).save(path)
    return changed(cohort, {0: {"mask": path, "box": None}})


def check(cohort: Cohort, **how: object) -> CheckReport:
    return check_cohort(cohort, **({"folds": 3, "window": (-100, 400)} | how))


def only_warning(cohort: Cohort, **how: object) -> str:
    report = check(cohort, **how)
    assert report.problems == []
    assert len(report.warnings) == 1, report.warnings
    return report.warnings[0]


def only_problem(cohort: Cohort, **how: object) -> str:
    report = check(cohort, **how)
    assert len(report.problems) == 1, report.problems
    assert "not fit for a study: 1 problem" in report.summary
    return report.problems[0]


def test_a_sound_cohort_is_fit_and_described(cohort: Cohort) -> None:
    report = check(cohort)
    assert (report.problems, report.warnings) == ([], [])
    assert report.summary.splitlines() == [
        "9 lesions of 9 patients in 3 classes: cyst 3, hemangioma 3, metastasis 3",
        "images: 9 NPY; boxes: 9",
        "diameters: median 20 (20 to 20) pixels; median 14 (14 to 14) mm",
        "pixel spacing: median 0.7 (0.7 to 0.7) mm",
        report.summary.splitlines()[4],
        "folds: 3, drawn by patient",
        "fit for a study",
    ]
    assert report.summary.splitlines()[4].startswith("values inside the lesions: median 100")


def test_the_diameter_of_a_mask_is_that_of_the_disc_of_its_area(cohort: Cohort) -> None:
    rows, columns = np.indices((40, 50))
    disc = (rows - 20) ** 2 + (columns - 25) ** 2 <= 8**2
    every = changed(masked(cohort, disc), mask=cohort.table.parent / "mask.npy", box=None)
    assert "diameters: median 15.8 (15.8 to 15.8) pixels" in check(every).summary


def test_no_bad_lesion_hides_another(cohort: Cohort) -> None:
    folder = cohort.table.parent
    (folder / "0.npy").write_bytes(b"")
    (folder / "1.npy").write_bytes((folder / "1.npy").read_bytes()[:500])
    np.save(folder / "2.npy", np.full((40, 50), 5.0))
    np.save(folder / "3.npy", np.where(hu(3) > 120, np.nan, hu(3)))
    np.save(folder / "mask.npy", np.zeros((40, 50), bool))
    np.save(folder / "small.npy", np.ones((4, 5), bool))
    rows = {4: {"box": None, "mask": folder / "mask.npy"}, 5: {"slice": 3}}
    rows |= {6: {"box": (10, 10, 51, 20)}, 7: {"box": None, "mask": folder / "small.npy"}}
    report = check(changed(cohort, rows))
    words = ("0 bytes", "NPY", "is 5", "NaN", "empty", "slice 3", "outside the image", "4 pixels")
    assert len(report.problems) == 8
    for number, (problem, word) in enumerate(zip(report.problems, words, strict=True)):
        assert problem.startswith(f"row {number + 2} (L{number}): {folder}")
        assert word in problem
    assert report.summary.splitlines()[-1].startswith("not fit for a study: 8 problems")


def test_many_problems_of_one_kind_are_cut_short_and_hide_no_other(cohort: Cohort) -> None:
    gone = [replace(cohort.lesions[0], box=(0, 0, 60 + n, 20), row=n) for n in range(30)]
    last = replace(cohort.lesions[0], image=Path("gone.npy"), row=99)
    report = check(Cohort(cohort.table, (*gone, last)), folds=1)
    assert len(report.problems) == 22
    assert report.problems[20] == "... and 10 more of this kind"
    assert "gone.npy" in report.problems[21]


def test_a_lesion_outside_the_window_is_reported(cohort: Cohort) -> None:
    picture = hu(0)
    picture[10:25, 10:30] = -500
    np.save(cohort.lesions[0].image, picture)
    text = only_problem(cohort)
    assert text.startswith("row 2 (L0): ")
    assert "(median -500) lie outside the window [-100, 400]" in text
    assert check(cohort, window=None).problems == []


def test_a_window_that_clips_most_of_many_lesions_is_reported(cohort: Cohort) -> None:
    text = only_warning(cohort, window=(102, 400))
    assert "clips more than half of the lesion's pixels in " in text
    assert "of 9 lesions (rows 2, " in text
    assert "roi.window: [0, 255]" in text


def test_pictures_of_8_bits_under_a_window_of_hu_are_reported(cohort: Cohort) -> None:
    for lesion in cohort.lesions:
        np.save(lesion.image, np.clip(np.load(lesion.image), 0, 255).astype(np.uint8))
    assert "8-bit pictures need roi.window: [0, 255]" in only_warning(cohort)
    assert check(cohort, window=(0, 255)).warnings == []


def test_a_class_with_fewer_lesions_than_folds_is_reported(cohort: Cohort) -> None:
    text = only_problem(changed(cohort, {0: {"label": "hemangioma"}}))
    assert "the class 'cyst' has 2 lesions, fewer than the 3 folds" in text


def test_a_class_with_fewer_patients_than_folds_is_reported(cohort: Cohort) -> None:
    text = only_problem(changed(cohort, {0: {"patient_id": "p3"}}))
    assert "the class 'cyst' has lesions of only 2 patients, fewer than the 3 folds" in text


def test_given_folds_go_before_the_number_of_folds(cohort: Cohort) -> None:
    folds = {number: {"fold": number // 3 % 2} for number in range(9)}
    report = check(changed(cohort, folds), folds=5)
    assert (report.problems, report.warnings) == ([], [])
    assert "folds: 2, from the table" in report.summary


def test_a_fold_without_a_class_in_training_or_in_test_is_reported(cohort: Cohort) -> None:
    folds = {number: {"fold": number // 3 % 2} for number in range(9)}
    folds |= {number: {"fold": 1} for number in (0, 3, 6)}
    report = check(changed(cohort, folds))
    assert len(report.problems) == 1
    assert "all 3 lesions of the class 'cyst' are in fold 1" in report.problems[0]
    assert "the class 'cyst' has no lesion in fold 0" in report.warnings[0]


def test_unknown_patients_are_reported_with_what_it_means(cohort: Cohort) -> None:
    text = only_warning(changed(cohort, patient_id=""))
    assert "each lesion counts as a case" in text
    assert "in training and in testing" in text
    assert "of unknown patients" in check(changed(cohort, patient_id="")).summary


def test_unknown_spacing_is_reported(cohort: Cohort) -> None:
    rows = {0: {"spacing_mm": None}, 4: {"spacing_mm": None}}
    text = only_warning(changed(cohort, rows))
    assert "spacing is unknown" in text
    assert "2 lesions (rows 2, 6)" in text
    assert "known for 7 lesions" in check(changed(cohort, rows)).summary


def test_spacing_that_differs_from_the_files_is_reported(cohort: Cohort) -> None:
    image = sitk.GetImageFromArray(np.stack([hu(20), hu(21)]))
    image.SetSpacing((0.8, 0.8, 2))
    path = cohort.table.parent / "image.nii.gz"
    sitk.WriteImage(image, str(path))
    text = only_warning(changed(cohort, {0: {"image": path, "slice": 1}}))
    assert "1 lesion (row 2); row 2: 0.7 mm, in the file 0.8 mm" in text


def test_tiny_lesions_are_reported(cohort: Cohort) -> None:
    assert "less than 5 pixels in diameter" in only_warning(
        changed(cohort, {3: {"box": (10, 10, 13, 14.5)}})
    )


def test_a_mask_of_several_values_is_reported(cohort: Cohort) -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[5:30, 5:30] = 1
    mask[10:20, 10:20] = 2
    text = only_warning(masked(cohort, mask))
    assert "several values" in text
    assert "mask_value" in text
    picked = changed(masked(cohort, mask), {0: {"mask": None, "box": (1, 1, 9, 9)}})
    assert check(picked).warnings == []


def test_a_mask_in_pieces_is_reported(cohort: Cohort) -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[5:15, 5:15] = mask[25:35, 25:35] = 1
    assert "separate pieces" in only_warning(masked(cohort, mask))


def test_a_lossy_mask_is_reported(cohort: Cohort) -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[5:20, 5:20] = 255
    assert "JPEG masks" in only_warning(masked(cohort, mask, "mask.jpg"))


def test_the_same_slice_under_two_patients_is_reported_as_a_leak(cohort: Cohort) -> None:
    np.save(cohort.lesions[4].image, hu(1))
    text = only_warning(cohort)
    assert "the same slice is listed under the patients p1, p4: L1 (row 3), L4 (row 6)" in text
    assert "one would be in training and the other in testing" in text


def test_a_lesion_that_stands_twice_is_reported(cohort: Cohort) -> None:
    twin = {"image": cohort.lesions[1].image, "patient_id": "p1"}
    extra = replace(cohort.lesions[4], **twin, lesion_id="L9", row=11)
    text = only_warning(Cohort(cohort.table, (*cohort.lesions, extra)))
    assert "the same slice and region twice: L1 (row 3), L9 (row 11)" in text
    apart = replace(extra, box=(1, 1, 9, 9))
    assert check(Cohort(cohort.table, (*cohort.lesions, apart))).warnings == []


def test_lesions_of_one_image_without_patients_are_reported(cohort: Cohort) -> None:
    rows = {1: {"image": cohort.lesions[0].image, "box": (1, 1, 9, 9)}}
    warnings = check(changed(cohort, rows, patient_id="")).warnings
    assert "2 lesions share an image file with another (rows 2, 3)" in warnings[0]


def test_a_column_that_looks_misspelt_is_reported(cohort: Cohort) -> None:
    text = only_warning(changed(cohort, extra={"spacing": "0.7", "diameter_mm": "9"}))
    assert text == "the column 'spacing' is not read; did you mean 'spacing_mm'?"


def test_a_volume_of_many_lesions_is_read_once(cohort: Cohort, monkeypatch) -> None:
    path = cohort.table.parent / "image.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([hu(n) for n in range(9)])), str(path))
    rows = {n: {"image": path, "slice": n, "row": 20 - n} for n in range(0, 9, 2)}
    read, calls = formats._read_volume, []
    monkeypatch.setattr(formats, "_read_volume", lambda path: calls.append(path) or read(path))
    assert check(changed(cohort, rows, spacing_mm=None)).problems == []
    assert calls == [path]


@pytest.mark.parametrize(
    ("table", "limit_s"),
    [("brain-tumor-mr/lesions-182.csv", 15), ("lung-nodule-ct/lesions.csv", 15)],
)
def test_the_public_cohorts_are_fit_for_a_study(table: str, limit_s: float) -> None:
    root = os.environ.get("AUGTRIAL_COHORTS")
    if not root:
        pytest.skip("AUGTRIAL_COHORTS names no folder of cohorts")
    start = time.process_time()
    report = check_cohort(read_table(Path(root) / table), folds=3, window=(0, 255))
    assert time.process_time() - start < limit_s
    assert report.problems == []
    assert "fit for a study" in report.summary
