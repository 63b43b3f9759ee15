"""Whether a cohort is fit for a study: every lesion is read once, and everything is told."""

import difflib
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augtrial.cohort.readers import LesionSlice, read_lesion
from augtrial.cohort.table import OPTIONAL, PICTURES, VOLUMES, Cohort, Lesion
from augtrial.errors import UserError

_LISTED = 20


@dataclass
class CheckReport:
    """What stands against a study (`problems`), what to know (`warnings`), and a few plain lines.

    The cohort is fit for a study when there are no problems; `summary` says so in its last line.
    """

    problems: list[str]
    warnings: list[str]
    summary: str


def check_cohort(
    cohort: Cohort, *, folds: int, window: tuple[float, float] | None = None
) -> CheckReport:
    """Read every lesion of the cohort and report all that is wrong or worth knowing.

    `folds` counts the parts of the cross-validation, unless the table gives its own; `window`
    is (low, high) in the images' values, None to leave it unchecked. A lesion that cannot be
    read is a problem in the report and hides no other; nothing is raised.
    """
    problems: list[str] = []
    facts: list[_Facts] = []
    # Lesions of one volume stand together, so that it is read once.
    for lesion in sorted(cohort.lesions, key=lambda lesion: (str(lesion.image), lesion.row)):
        try:
            facts.append(_measure(lesion, window))
        except UserError as error:
            problems += error.problems
    facts.sort(key=lambda fact: fact.lesion.row)
    problems.sort(key=lambda problem: int(re.search(r"\d+", problem)[0]))
    problems = _capped([*problems, *_outside_window(facts, window)])
    warnings = [
        *_window_warnings(facts, window),
        *_mask_warnings(facts),
        *_size_warnings(facts),
        *_repeats(facts, cohort),
        *_column_warnings(cohort),
    ]
    fold_problems, fold_warnings = _check_folds(cohort, folds)
    problems += fold_problems
    warnings += fold_warnings
    return CheckReport(problems, warnings, _summary(cohort, facts, folds, problems, warnings))


@dataclass(frozen=True)
class _Facts:
    """What is kept of a lesion when its pixels are gone."""

    lesion: Lesion
    diameter: float  # pixels
    spacing: float  # mm; NaN where unknown
    file_spacing: float  # mm, as the image file has it
    median: float  # value inside the lesion
    eight_bits: bool  # whether the slice holds whole numbers from 0 to 255 only
    clipped: float  # fraction of the lesion's pixels outside the window
    constant: bool  # whether the window leaves one value of them
    values: int  # different values other than 0 in the mask's slice
    pieces: bool  # whether the mask falls into pieces
    picture: str  # digest of the slice
    region: str  # digest of mask or box


def _measure(lesion: Lesion, window: tuple[float, float] | None) -> _Facts:
    found, labels = read_lesion(lesion)
    mask = _region(found)
    inside = found.pixels[mask]
    low, high = window or (-np.inf, np.inf)
    spacing = found.spacing_mm
    if lesion.spacing_mm is not None and not lesion.image.name.lower().endswith(PICTURES):
        spacing = read_lesion(replace(lesion, spacing_mm=None))[0].spacing_mm
    if found.box is None:
        diameter = 2 * np.sqrt(inside.size / np.pi)
    else:
        diameter = max(found.box[2] - found.box[0], found.box[3] - found.box[1])
    return _Facts(
        lesion=lesion,
        diameter=float(diameter),
        spacing=found.spacing_mm,
        file_spacing=spacing,
        median=float(np.median(inside)),
        eight_bits=np.array_equal(found.pixels, np.clip(np.round(found.pixels), 0, 255)),
        clipped=float(np.mean((inside < low) | (inside > high))),
        constant=bool(inside.max() <= low or inside.min() >= high),
        values=0 if labels is None else np.count_nonzero(np.unique(labels)),
        pieces=found.mask is not None and _in_pieces(found.mask),
        picture=_digest(found.pixels),
        region=_digest(mask),
    )


def _region(found: LesionSlice) -> np.ndarray:
    """Return the lesion's pixels as a mask [h, w]: the mask, or all that the box touches."""
    if found.mask is not None:
        return found.mask
    x0, y0, x1, y1 = found.box
    mask = np.zeros(found.pixels.shape, bool)
    mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return mask


def _in_pieces(mask: np.ndarray) -> bool:
    """Whether the largest connected piece (diagonals count) is under 80 % of the mask."""
    from scipy import ndimage  # not needed to read a table, which must be quick

    pieces, count = ndimage.label(mask, np.ones((3, 3)))
    return count > 1 and np.bincount(pieces.ravel())[1:].max() < 0.8 * mask.sum()


def _digest(array: np.ndarray) -> str:
    return hashlib.blake2b(repr(array.shape).encode() + array.tobytes()).hexdigest()


def _outside_window(facts: list[_Facts], window: tuple[float, float] | None) -> list[str]:
    return [
        f"row {fact.lesion.row} ({fact.lesion.lesion_id}): {fact.lesion.image}: all pixels of the "
        f"lesion (median {fact.median:g}) lie outside the window [{window[0]:g}, {window[1]:g}], "
        f"where nothing of them is left: change roi.window, or the image's values"
        for fact in facts
        if window is not None and fact.constant
    ]


def _window_warnings(facts: list[_Facts], window: tuple[float, float] | None) -> list[str]:
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


def _mask_warnings(facts: list[_Facts]) -> list[str]:
    masked = [fact for fact in facts if fact.lesion.mask is not None]
    lossy = [fact for fact in masked if _format(fact.lesion.mask) == "JPEG"]
    several = [
        fact
        for fact in masked
        if fact.values > 1 and fact.lesion.mask_value is None and fact not in lossy
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


def _size_warnings(facts: list[_Facts]) -> list[str]:
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


def _repeats(facts: list[_Facts], cohort: Cohort) -> list[str]:
    """Tell of equal pictures under several lesions: they may leak from training to test."""
    groups: dict[str, list[_Facts]] = defaultdict(list)
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
    shared: dict[Path, list[_Facts]] = defaultdict(list)
    for fact in facts:
        shared[fact.lesion.image].append(fact)
    together = [fact for group in shared.values() if len(group) > 1 for fact in group]
    if together and not cohort.has_patients:
        what = f"{len(together)} lesions share an image file with another ({_rows(together)})"
        found["shared"].append(f"{what}, so are of one patient: in different folds, {leak}")
    return [line for lines in found.values() for line in _capped(lines)]


def _column_warnings(cohort: Cohort) -> list[str]:
    """Tell of columns that are carried along, and look like misspelt ones."""
    extra = cohort.lesions[0].extra if cohort.lesions else {}
    warnings = []
    for name in extra:
        close = difflib.get_close_matches(name.lower(), OPTIONAL, n=1, cutoff=0.8)
        if close:
            warnings.append(f"the column {name!r} is not read; is {close[0]!r} meant?")
    return warnings


def _check_folds(cohort: Cohort, folds: int) -> tuple[list[str], list[str]]:
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
            what = f"the class {name!r} has {_count(len(lesions), 'lesion')}"
            told = f"{what}, fewer than the {folds} folds"
            problems.append(f"{told}: add lesions, use fewer folds or leave the class out")
        elif cohort.has_patients and len(patients) < folds:
            what = f"the {len(lesions)} lesions of the class {name!r} are of "
            told = f"{what}{_count(len(patients), 'patient')}, fewer than the {folds} folds"
            problems.append(f"{told}: add patients, use fewer folds or leave the class out")
    if not cohort.has_patients:
        trust = "the given folds must keep patients apart" if given else "fill patient_id"
        what = "there are no patient ids: lesions are the cases, intervals come out too narrow"
        told = f"{what} where patients repeat, and a patient might stand on both sides of a fold"
        warnings.append(f"{told}; {trust}")
    return problems, warnings


def _summary(
    cohort: Cohort, facts: list[_Facts], folds: int, problems: list[str], warnings: list[str]
) -> str:
    counts = Counter(lesion.label for lesion in cohort.lesions)
    patients = len({lesion.patient_id for lesion in cohort.lesions})
    whose = f"of {_count(patients, 'patient')}" if cohort.has_patients else "of unknown patients"
    classes = ", ".join(f"{name} {counts[name]}" for name in cohort.classes)
    lines = [f"{len(cohort.lesions)} lesions {whose} in {len(counts)} classes: {classes}"]
    images = _formats(lesion.image for lesion in cohort.lesions)
    masks = _formats(lesion.mask for lesion in cohort.lesions if lesion.mask)
    boxes = sum(lesion.mask is None for lesion in cohort.lesions)
    marks = [f"masks: {masks}"] * bool(masks) + [f"boxes: {boxes}"] * bool(boxes)
    lines.append(f"images: {images}; {'; '.join(marks)}")
    lines += _measurements(facts)
    given = len({lesion.fold for lesion in cohort.lesions})
    by = "patient" if cohort.has_patients else "lesion"
    drawn = f"folds: {folds}, drawn by {by}"
    lines.append(f"folds: {given}, given in the table" if cohort.has_folds else drawn)
    fit = (
        f"not fit for a study: {_count(len(problems), 'problem')}"
        if problems
        else "fit for a study"
    )
    lines.append(f"{fit}; {_count(len(warnings), 'warning')}" if warnings else fit)
    return "\n".join(lines)


def _measurements(facts: list[_Facts]) -> list[str]:
    """Return the lines of the summary that stand on the pixels of the lesions that were read."""
    if not facts:
        return []
    diameters = f"diameters: {_spread([fact.diameter for fact in facts])} pixels"
    spacing = "pixel spacing: unknown"
    known = [fact for fact in facts if not np.isnan(fact.spacing)]
    if known:
        diameters += f"; {_spread([fact.diameter * fact.spacing for fact in known])} mm"
        spacing = f"pixel spacing: {_spread([fact.spacing for fact in known])} mm"
        spacing += f", known for {len(known)} lesions" * (len(known) < len(facts))
    return [
        diameters,
        spacing,
        f"values inside the lesions: {_spread([fact.median for fact in facts])}",
    ]


def _spread(numbers: list[float]) -> str:
    low, middle, high = np.percentile(numbers, (0, 50, 100))
    return f"median {middle:.3g} ({low:.3g} to {high:.3g})"


def _formats(paths: Iterable[Path]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(map(_format, paths)).items())


def _format(path: Path) -> str:
    """Return what a person calls the file's format."""
    names = {"jpg": "JPEG", "tif": "TIFF", "nii": "NIfTI", "nii.gz": "NIfTI", "nhdr": "NRRD"}
    names |= {"mha": "MetaImage", "mhd": "MetaImage"}
    endings = [end for end in PICTURES + VOLUMES if path.name.lower().endswith(end)]
    if not endings:
        return "DICOM series"
    ending = endings[-1].removeprefix(".")
    return names.get(ending, ending.upper())


def _capped(lines: list[str]) -> list[str]:
    """Cut problems of one kind short; those of one kind end in the same words, but numbers."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        kinds[re.sub(r"[^a-z]+", " ", line.rpartition(": ")[2])].append(line)
    kept = []
    for same in kinds.values():
        more = len(same) - _LISTED
        kept += same[:_LISTED] + ([f"... and {more} more of this kind"] if more > 0 else [])
    return kept


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _told(facts: list[_Facts]) -> str:
    """Return "3 lesions (rows 2, 5, 7)"."""
    return f"{_count(len(facts), 'lesion')} ({_rows(facts)})"


def _rows(facts: list[_Facts]) -> str:
    """Return "rows 2, 5, 7", cut short after some."""
    rows = [str(fact.lesion.row) for fact in facts]
    return f"row{'s' * (len(rows) > 1)} {', '.join(rows[:8])}{', ...' * (len(rows) > 8)}"
