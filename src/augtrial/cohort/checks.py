"""Whether a cohort is fit for a study: every lesion is read once, and everything is told."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augtrial.cohort import findings
from augtrial.cohort.facts import Facts, measure
from augtrial.cohort.findings import number_of
from augtrial.cohort.lesion import Cohort, format_name
from augtrial.errors import UserError


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
    facts: list[Facts] = []
    # Lesions of one volume stand together, so that it is read once.
    for lesion in sorted(cohort.lesions, key=lambda lesion: (str(lesion.image), lesion.row)):
        try:
            facts.append(measure(lesion, window))
        except UserError as error:
            problems += error.problems
    facts.sort(key=lambda fact: fact.lesion.row)
    problems.sort(key=lambda problem: int(re.search(r"\d+", problem)[0]))
    problems = findings.capped([*problems, *findings.outside_window(facts, window)])
    warnings = [
        *findings.window_warnings(facts, window),
        *findings.mask_warnings(facts),
        *findings.size_warnings(facts),
        *findings.repeats(facts, cohort),
        *findings.column_warnings(cohort),
    ]
    fold_problems, fold_warnings = findings.check_folds(cohort, folds)
    problems += fold_problems
    warnings += fold_warnings
    return CheckReport(problems, warnings, _summary(cohort, facts, folds, problems, warnings))


def _summary(
    cohort: Cohort, facts: list[Facts], folds: int, problems: list[str], warnings: list[str]
) -> str:
    counts = Counter(lesion.label for lesion in cohort.lesions)
    patients = len({lesion.patient_id for lesion in cohort.lesions})
    whose = f"of {number_of(patients, 'patient')}" if cohort.has_patients else "of unknown patients"
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
        f"not fit for a study: {number_of(len(problems), 'problem')}"
        if problems
        else "fit for a study"
    )
    lines.append(f"{fit}; {number_of(len(warnings), 'warning')}" if warnings else fit)
    return "\n".join(lines)


def _measurements(facts: list[Facts]) -> list[str]:
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
    return ", ".join(f"{count} {name}" for name, count in Counter(map(format_name, paths)).items())
