"""What the check of a cohort finds, in words: each function tells of one kind of problem."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from augtrial.cohort.facts import Facts
from augtrial.cohort.lesion import OPTIONAL, Cohort, format_name
from augtrial.spelling import nearest

_LISTED = 20


def outside_window(facts: list[Facts], window: tuple[float, float] | None) -> list[str]:
    """Refuse lesions of which the window leaves one value only."""
    return [
        f"row {fact.lesion.row} ({fact.lesion.lesion_id}): {fact.lesion.image}: all pixels of the "
        f"lesion (median {fact.median:g}) lie outside the window [{window[0]:g}, {window[1]:g}], "
        f"where nothing of them is left: change roi.window, or the image's values"
        for fact in facts
        if window is not None and fact.constant
    ]


def window_warnings(facts: list[Facts], window: tuple[float, float] | None) -> list[str]:
    """Tell of a window that is for other values than these."""
    if window is None or not facts:
        return []
    told = f"the window [{window[0]:g}, {window[1]:g}]"
    clipped = [fact for fact in facts if fact.clipped > 0.5]
    if len(clipped) >= 0.1 * len(facts):
        many = f"more than half of the lesion's pixels in {len(clipped)} of {len(facts)} lesions"
        hint = "8-bit pictures need roi.window: [0, 255]"
        return [f"{told} clips {many} ({_rows(clipped)}); {hint}"]
    if all(fact.eight_bits for fact in facts) and (window[0] < 0 or window[1] > 255):
        what = "all images hold whole numbers from 0 to 255 only, and are hardly HU"
        return [f"{what}, but {told} is for others: 8-bit pictures need roi.window: [0, 255]"]
    return []


def mask_warnings(facts: list[Facts]) -> list[str]:
    """Tell of masks that may hold more than the lesion."""
    masked = [fact for fact in facts if fact.lesion.mask is not None]
    lossy = [fact for fact in masked if format_name(fact.lesion.mask) == "JPEG"]
    several = [
        fact
        for fact in masked
        if fact.values > 1
        and fact.lesion.mask_value is None
        and format_name(fact.lesion.mask) != "JPEG"
    ]
    pieces = [fact for fact in masked if fact.pieces]
    told = (
        (lossy, "JPEG masks have small values around the edge that count as lesion, use PNG"),
        (
            several,
            "masks hold several values other than 0, and all count as lesion; if they are organ "
            "and lesion, or several lesions, give mask_value",
        ),
        (
            pieces,
            "masks fall into separate pieces, and are measured as one lesion; if they are several, "
            "give each a row and a mask_value",
        ),
    )
    return [f"{what}: {_told(found)}" for found, what in told if found]


def size_warnings(facts: list[Facts]) -> list[str]:
    """Tell of tiny lesions, and of a pixel size that is unknown or in doubt."""
    tiny = [fact for fact in facts if fact.diameter < 5]
    unknown = [fact for fact in facts if np.isnan(fact.spacing)]
    conflict = [
        fact for fact in facts if abs(fact.spacing - fact.file_spacing) > 0.01 * fact.file_spacing
    ]
    warnings = []
    if tiny:
        what = "lesions of less than 5 pixels across make ROIs that are mostly interpolation"
        warnings.append(f"{what}: {_told(tiny)}")
    if unknown:
        what = "the pixel spacing is unknown, so that sizes are told in pixels only"
        warnings.append(f"{what}: {_told(unknown)}; fill spacing_mm")
    if conflict:
        one = conflict[0]
        pair = f"row {one.lesion.row}: {one.spacing:g} mm, in the file {one.file_spacing:g} mm"
        what = "spacing_mm differs from the image file's own, and goes before it"
        warnings.append(f"{what}: {_told(conflict)}; {pair}")
    return warnings


def repeats(facts: list[Facts], cohort: Cohort) -> list[str]:
    """Tell of equal pictures under several lesions: they may leak from training to test."""
    groups: dict[str, list[Facts]] = defaultdict(list)
    for fact in facts:
        groups[fact.picture].append(fact)
    found: dict[str, list[str]] = defaultdict(list)
    leak = "what is trained on one is tested on the other, and the results come out too good"
    for group in groups.values():
        names = ", ".join(f"{fact.lesion.lesion_id} (row {fact.lesion.row})" for fact in group)
        patients = sorted({fact.lesion.patient_id for fact in group})
        same = len({fact.region for fact in group}) < len(group)
        if len(patients) > 1:
            told = f"the same slice stands under the patients {', '.join(patients)}: {names}; "
            found["several patients"].append(f"{told}in different folds, {leak}")
        elif same and cohort.has_patients:
            found["doubled"].append(f"the same slice and region twice: {names}; keep one")
        elif same:
            told = f"the same slice and region twice: {names}; in different folds, {leak}: keep one"
            found["doubled"].append(told)
    shared: dict[Path, list[Facts]] = defaultdict(list)
    for fact in facts:
        shared[fact.lesion.image].append(fact)
    together = [fact for group in shared.values() if len(group) > 1 for fact in group]
    if together and not cohort.has_patients:
        what = f"{len(together)} lesions share an image file with another ({_rows(together)})"
        found["shared"].append(f"{what}, so are of one patient: in different folds, {leak}")
    return [line for lines in found.values() for line in capped(lines)]


def column_warnings(cohort: Cohort) -> list[str]:
    """Tell of columns that are carried along, and look like misspelt ones."""
    extra = cohort.lesions[0].extra if cohort.lesions else {}
    warnings = []
    for name in extra:
        close = nearest(name, OPTIONAL, cutoff=0.8)
        if close:
            warnings.append(f"the column {name!r} is not read; is {close!r} meant?")
    return warnings


def check_folds(cohort: Cohort, folds: int) -> tuple[list[str], list[str]]:
    """Return problems and warnings of classes that do not reach every fold, and of patients."""
    problems, warnings = [], []
    given = sorted({lesion.fold for lesion in cohort.lesions if lesion.fold is not None})
    for name in cohort.classes:
        lesions = [lesion for lesion in cohort.lesions if lesion.label == name]
        patients = {lesion.patient_id for lesion in lesions}
        where = {lesion.fold for lesion in lesions}
        if given and len(where) == 1:
            what = f"all {len(lesions)} lesions of the class {name!r} are in fold {min(where)}"
            problems.append(f"{what}: without it there are none to train on; spread them")
        if given:
            absent = ", ".join(str(fold) for fold in given if fold not in where)
            what = f"the class {name!r} has no lesion in fold {absent}"
            told = f"{what}: its sensitivity cannot be told there"
            warnings += [told] * bool(absent)
        elif len(lesions) < folds:
            what = f"the class {name!r} has {number_of(len(lesions), 'lesion')}"
            told = f"{what}, fewer than the {folds} folds"
            problems.append(f"{told}: add lesions, use fewer folds or leave the class out")
        elif cohort.has_patients and len(patients) < folds:
            what = f"the {len(lesions)} lesions of the class {name!r} are of "
            told = f"{what}{number_of(len(patients), 'patient')}, fewer than the {folds} folds"
            problems.append(f"{told}: add patients, use fewer folds or leave the class out")
    if not cohort.has_patients:
        trust = "the given folds must keep patients apart" if given else "fill patient_id"
        what = "there are no patient ids: lesions are the cases, intervals come out too narrow"
        told = f"{what} where patients repeat, and a patient might stand on both sides of a fold"
        warnings.append(f"{told}; {trust}")
    return problems, warnings


def capped(lines: list[str]) -> list[str]:
    """Cut problems of one kind short; those of one kind end in the same words, but numbers."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        kinds[re.sub(r"[^a-z]+", " ", line.rpartition(": ")[2])].append(line)
    kept = []
    for same in kinds.values():
        more = len(same) - _LISTED
        kept += same[:_LISTED] + ([f"... and {more} more of this kind"] if more > 0 else [])
    return kept


def number_of(number: int, noun: str) -> str:
    """Return "1 lesion", "2 lesions"."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _told(facts: list[Facts]) -> str:
    """Return "3 lesions (rows 2, 5, 7)"."""
    return f"{number_of(len(facts), 'lesion')} ({_rows(facts)})"


def _rows(facts: list[Facts]) -> str:
    """Return "rows 2, 5, 7", cut short after some."""
    rows = [str(fact.lesion.row) for fact in facts]
    return f"row{'s' * (len(rows) > 1)} {', '.join(rows[:8])}{', ...' * (len(rows) > 8)}"
