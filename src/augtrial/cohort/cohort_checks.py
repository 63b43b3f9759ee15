"""The checks of a cohort: each function finds one kind of problem and describes it in words."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from augtrial.cohort.lesion import OPTIONAL, Cohort, Lesion, format_name
from augtrial.cohort.lesion_stats import LesionStats
from augtrial.cohort.rows import MAX_LISTED, rows_in_words
from augtrial.core.names import count, nearest

LEAK = (
    "in different folds, one would be in training and the other in testing, and the results "
    "would be too good"
)


def outside_window(stats: list[LesionStats], window: tuple[float, float] | None) -> list[str]:
    """Return a problem for each lesion whose pixels all lie outside the window."""
    if window is None:
        return []
    return [
        f"row {item.lesion.row} ({item.lesion.lesion_id}): {item.lesion.image}: all pixels of the "
        f"lesion (median {item.median:g}) lie outside the window [{window[0]:g}, {window[1]:g}], "
        "so that the lesion cannot be seen: change roi.window, or the values of the image"
        for item in stats
        if item.constant
    ]


def window_warnings(stats: list[LesionStats], window: tuple[float, float] | None) -> list[str]:
    """Return a warning if the window does not fit the images' values."""
    if window is None or not stats:
        return []
    name = f"the window [{window[0]:g}, {window[1]:g}]"
    clipped = [item for item in stats if item.clipped > 0.5]
    if len(clipped) >= 0.1 * len(stats):
        what = f"more than half of the lesion's pixels in {len(clipped)} of {len(stats)} lesions"
        return [f"{name} clips {what} ({_rows(clipped)}); 8-bit pictures need roi.window: [0, 255]"]
    if all(item.eight_bits for item in stats) and (window[0] < 0 or window[1] > 255):
        what = "all images hold only whole numbers from 0 to 255, which are probably not HU"
        return [f"{what}, but {name} is made for HU: 8-bit pictures need roi.window: [0, 255]"]
    return []


def mask_warnings(stats: list[LesionStats]) -> list[str]:
    """Return warnings for masks that may contain more than the lesion."""
    masked = [(item, format_name(item.lesion.mask)) for item in stats if item.lesion.mask]
    found = {
        "JPEG masks have small values around the edge, which count as lesion: use PNG": [
            item for item, file_format in masked if file_format == "JPEG"
        ],
        "masks have several values other than 0, which all count as lesion; if they are organ and "
        "lesion, or several lesions, give mask_value": [
            item
            for item, file_format in masked
            if file_format != "JPEG" and item.values > 1 and item.lesion.mask_value is None
        ],
        "masks consist of separate pieces, which are measured as one lesion; if they are several "
        "lesions, give each a row and a mask_value": [item for item in stats if item.pieces],
    }
    return [f"{what}: {_lesions(items)}" for what, items in found.items() if items]


def size_warnings(stats: list[LesionStats]) -> list[str]:
    """Return warnings for tiny lesions, and for an unknown or contradictory pixel spacing."""
    tiny = [item for item in stats if item.diameter < 5]
    unknown = [item for item in stats if np.isnan(item.spacing)]
    conflict = [
        item for item in stats if abs(item.spacing - item.file_spacing) > 0.01 * item.file_spacing
    ]
    warnings = []
    if tiny:
        what = "lesions of less than 5 pixels in diameter give ROIs that are mostly interpolated"
        warnings.append(f"{what}: {_lesions(tiny)}")
    if unknown:
        what = "the pixel spacing is unknown, so that sizes are given in pixels only"
        warnings.append(f"{what}: {_lesions(unknown)}; fill spacing_mm")
    if conflict:
        first = conflict[0]
        what = "spacing_mm differs from the image file's spacing, and is used in its place"
        example = f"row {first.lesion.row}: {first.spacing:g} mm, in the file "
        warnings.append(f"{what}: {_lesions(conflict)}; {example}{first.file_spacing:g} mm")
    return warnings


def duplicate_warnings(stats: list[LesionStats], cohort: Cohort) -> list[str]:
    """Return warnings for lesions with the same picture, which may leak from training to test."""
    by_picture: dict[str, list[LesionStats]] = defaultdict(list)
    by_file: dict[Path, list[LesionStats]] = defaultdict(list)
    for item in stats:
        by_picture[item.picture].append(item)
        by_file[item.lesion.image].append(item)
    across_patients, twice = [], []
    for group in by_picture.values():
        names = ", ".join(f"{item.lesion.lesion_id} (row {item.lesion.row})" for item in group)
        patients = sorted({item.lesion.patient_id for item in group})
        if len(patients) > 1:
            what = f"the same slice is listed under the patients {', '.join(patients)}"
            across_patients.append(f"{what}: {names}; {LEAK}")
        elif len({item.region for item in group}) < len(group):
            reason = "" if cohort.has_patients else f"{LEAK}: "
            twice.append(f"the same slice and region twice: {names}; {reason}keep one")
    warnings = [*shortened(across_patients), *shortened(twice)]
    shared = [item for group in by_file.values() if len(group) > 1 for item in group]
    if shared and not cohort.has_patients:
        what = f"{len(shared)} lesions share an image file with another ({_rows(shared)})"
        warnings.append(f"{what}, so that they are of one patient: {LEAK}")
    return warnings


def column_warnings(cohort: Cohort) -> list[str]:
    """Return a warning for each unknown column whose name is like that of an optional one."""
    extra = cohort.lesions[0].extra if cohort.lesions else {}
    return [
        f"the column {name!r} is not read; did you mean {known!r}?"
        for name in extra
        if (known := nearest(name, OPTIONAL, cutoff=0.8))
    ]


def check_folds(cohort: Cohort, folds: int) -> tuple[list[str], list[str]]:
    """Return problems and warnings: classes that are missing in folds, and unknown patients."""
    problems, warnings = [], []
    table_folds = sorted({lesion.fold for lesion in cohort.lesions if lesion.fold is not None})
    for name in cohort.classes:
        lesions = [lesion for lesion in cohort.lesions if lesion.label == name]
        if table_folds:
            used = {lesion.fold for lesion in lesions}
            if len(used) == 1:
                fold = lesions[0].fold
                what = f"all {len(lesions)} lesions of the class {name!r} are in fold {fold}"
                problems.append(f"{what}: none remain for its training; spread them over the folds")
            if absent := [str(fold) for fold in table_folds if fold not in used]:
                what = f"the class {name!r} has no lesion in fold {', '.join(absent)}"
                warnings.append(f"{what}: its sensitivity cannot be measured there")
        else:
            problems += _too_few(name, lesions, folds, cohort.has_patients)
    if not cohort.has_patients:
        advice = "the folds of the table must separate patients"
        warnings.append(
            "there are no patient ids: each lesion counts as a case, intervals are too narrow if "
            "patients have several lesions, and a patient may be in training and in testing; "
            f"{advice if table_folds else 'fill patient_id'}"
        )
    return problems, warnings


def _too_few(name: str, lesions: list[Lesion], folds: int, has_patients: bool) -> list[str]:
    """Return a problem if a class has fewer lesions or patients than there are folds."""
    patients = {lesion.patient_id for lesion in lesions}
    if len(lesions) < folds:
        what, add = f"has {count(len(lesions), 'lesion')}", "lesions"
    elif has_patients and len(patients) < folds:
        what, add = f"has lesions of only {count(len(patients), 'patient')}", "patients"
    else:
        return []
    advice = f"add {add}, use fewer folds or leave the class out"
    return [f"the class {name!r} {what}, fewer than the {folds} folds: {advice}"]


def shortened_by_kind(lines: list[str]) -> list[str]:
    """Return at most MAX_LISTED lines of each kind.

    Lines are of one kind if their text after the last colon is the same, apart from numbers.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        kinds[re.sub(r"[^a-z]+", " ", line.rpartition(": ")[2])].append(line)
    return [line for same_kind in kinds.values() for line in shortened(same_kind)]


def shortened(lines: list[str]) -> list[str]:
    """Return the first MAX_LISTED lines of one kind, and how many more there are."""
    more = len(lines) - MAX_LISTED
    return lines if more <= 0 else [*lines[:MAX_LISTED], f"... and {more} more of this kind"]


def _lesions(stats: list[LesionStats]) -> str:
    """Return "3 lesions (rows 2, 5, 7)"."""
    return f"{count(len(stats), 'lesion')} ({_rows(stats)})"


def _rows(stats: list[LesionStats]) -> str:
    return rows_in_words([item.lesion.row for item in stats])
