"""Whether a cohort is fit for a study: every lesion is read once, and all findings are reported."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augtrial.cohort import cohort_checks
from augtrial.cohort.lesion import Cohort, format_name
from augtrial.cohort.lesion_stats import LesionStats, measure_lesion
from augtrial.core.errors import UserError
from augtrial.core.names import count


@dataclass
class CheckReport:
    """The result of a check: `problems` prevent a study, `warnings` do not, `summary` is text."""

    problems: list[str]
    warnings: list[str]
    summary: str


def check_cohort(
    cohort: Cohort, *, folds: int, window: tuple[float, float] | None = None
) -> CheckReport:
    """Read every lesion of the cohort and report all problems and warnings.

    `folds` is the number of folds, used if the table has no folds; `window` is (low, high) in the
    images' values, or None to skip its checks. A lesion that cannot be read is a problem in the
    report; the others are checked all the same, and nothing is raised.
    """
    problems: list[str] = []
    stats: list[LesionStats] = []
    # Sorted by image, so that a volume of several lesions is read once.
    for lesion in sorted(cohort.lesions, key=lambda lesion: (str(lesion.image), lesion.row)):
        try:
            stats.append(measure_lesion(lesion, window))
        except UserError as error:
            problems += error.problems
    stats.sort(key=lambda item: item.lesion.row)
    problems.sort(key=lambda problem: int(problem.split()[1]))
    problems += cohort_checks.outside_window(stats, window)
    problems = cohort_checks.shortened_by_kind(problems)
    fold_problems, fold_warnings = cohort_checks.check_folds(cohort, folds)
    problems += fold_problems
    warnings = [
        *cohort_checks.window_warnings(stats, window),
        *cohort_checks.mask_warnings(stats),
        *cohort_checks.size_warnings(stats),
        *cohort_checks.duplicate_warnings(stats, cohort),
        *cohort_checks.column_warnings(cohort),
        *fold_warnings,
    ]
    unfit = f"not fit for a study: {count(len(problems), 'problem')}"
    verdict = unfit if problems else "fit for a study"
    if warnings:
        verdict += f"; {count(len(warnings), 'warning')}"
    source = f"{folds}, drawn by {'patient' if cohort.has_patients else 'lesion'}"
    if cohort.has_folds:
        source = f"{len({lesion.fold for lesion in cohort.lesions})}, from the table"
    lines = [*_cohort_lines(cohort), *_measurement_lines(stats), f"folds: {source}", verdict]
    return CheckReport(problems, warnings, "\n".join(lines))


def _cohort_lines(cohort: Cohort) -> list[str]:
    """Return the lines of the summary about lesions, classes and files."""
    counts = Counter(lesion.label for lesion in cohort.lesions)
    patients = len({lesion.patient_id for lesion in cohort.lesions})
    owners = count(patients, "patient") if cohort.has_patients else "unknown patients"
    classes = ", ".join(f"{name} {counts[name]}" for name in cohort.classes)
    images = _formats(lesion.image for lesion in cohort.lesions)
    masks = _formats(lesion.mask for lesion in cohort.lesions if lesion.mask)
    boxes = sum(lesion.mask is None for lesion in cohort.lesions)
    regions = [f"masks: {masks}"] if masks else []
    regions += [f"boxes: {boxes}"] if boxes else []
    return [
        f"{len(cohort.lesions)} lesions of {owners} in {len(counts)} classes: {classes}",
        f"images: {images}; {'; '.join(regions)}",
    ]


def _measurement_lines(stats: list[LesionStats]) -> list[str]:
    """Return the lines of the summary about the pixels of the lesions that were read."""
    if not stats:
        return []
    diameters = f"diameters: {_spread([item.diameter for item in stats])} pixels"
    spacing = "pixel spacing: unknown"
    known = [item for item in stats if not np.isnan(item.spacing)]
    if known:
        diameters += f"; {_spread([item.diameter * item.spacing for item in known])} mm"
        spacing = f"pixel spacing: {_spread([item.spacing for item in known])} mm"
    if 0 < len(known) < len(stats):
        spacing += f", known for {len(known)} lesions"
    values = f"values inside the lesions: {_spread([item.median for item in stats])}"
    return [diameters, spacing, values]


def _spread(numbers: list[float]) -> str:
    low, middle, high = np.percentile(numbers, (0, 50, 100))
    return f"median {middle:.3g} ({low:.3g} to {high:.3g})"


def _formats(paths: Iterable[Path]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(map(format_name, paths)).items())
