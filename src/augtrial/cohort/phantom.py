"""The built-in cohort: phantom patients with liver lesions, their table and their files."""

import csv
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from augtrial.cohort.phantom_patients import Patient
from augtrial.errors import UserError
from augtrial.seeds import generator

CLASSES = ("cyst", "metastasis", "hemangioma")
LESIONS_A_PATIENT = {"cyst": 1.3, "metastasis": 1.7, "hemangioma": 1.4}  # mean, of one class
MOST_LESIONS = 4  # of one class in one patient
FEWEST_PATIENTS = 4  # a class, so that small cohorts too can be split by patient
MIXED_SHARE = 0.1  # of the patients have a lesion of a second class

NOTE = """# A phantom, not patients

Drawn by `augtrial` from formulas: portal-phase liver CT with cysts, metastases and
hemangiomas. `lesions.csv` has one row a lesion; `images/` holds one volume a patient in HU,
`masks/` one mask a lesion on the same grid.

Good for: trying a study before real data are at hand, tests with a known truth, fresh
patients without end.

Cannot show: anything about real livers, scanners or patients. A gain or loss that is measured
here is a fact about these formulas only. `docs/phantom.md` has the numbers behind them.
"""


class Row(NamedTuple):
    """One row of the lesion table; paths are relative to it."""

    lesion_id: str
    patient_id: str
    label: str
    image: str
    mask: str


@dataclass(frozen=True, eq=False)
class PhantomLesion:
    """One lesion on the axial slice where it is largest."""

    label: str
    patient_id: str
    pixels: np.ndarray
    """HU, float32 [h, w], whole numbers as in the volume files."""
    mask: np.ndarray
    """True inside the lesion, bool [h, w]."""
    spacing_mm: float


def cohort_rows(*, seed: int, classes: dict[str, int]) -> list[Row]:
    """Return the lesion table without drawing any image.

    `classes` gives the number of lesions of each class. Raises UserError where it names an
    unknown class or a number below 1.
    """
    return [
        Row(
            lesion_id=f"{patient_id}_{number}",
            patient_id=patient_id,
            label=label,
            image=f"images/{patient_id}.nii",
            mask=f"masks/{patient_id}_{number}.nii.gz",
        )
        for patient_id, labels in _patients(seed, ("cohort",), classes)
        for number, label in enumerate(labels, start=1)
    ]


def write_cohort(folder: Path, *, seed: int, classes: dict[str, int], processes: int = 1) -> None:
    """Write lesions.csv, images/, masks/ and README.md into the folder; lesions.csv comes last.

    Images are int16 HU (.nii: noise is hardly smaller when packed, and takes long to pack) and
    masks uint8 (.nii.gz), with spacing and origin in mm. The same seed and classes give the same
    bytes, however many processes draw the patients. Raises UserError as `cohort_rows`.
    """
    rows = cohort_rows(seed=seed, classes=classes)
    folder = Path(folder)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    patients = _patients(seed, ("cohort",), classes)
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(_write_patient, folder, seed), patients))
    (folder / "README.md").write_text(NOTE, encoding="utf-8")
    with open(folder / "lesions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([Row._fields, *rows])


def _write_patient(folder: Path, seed: int, patient: tuple[str, list[str]]) -> None:
    patient_id, labels = patient
    drawn = Patient(seed, ("cohort", patient_id), labels)
    drawn.write_image(folder / "images" / f"{patient_id}.nii")
    for number, lesion in enumerate(drawn.lesions, start=1):
        drawn.write_mask(lesion, folder / "masks" / f"{patient_id}_{number}.nii.gz")


def draw_lesions(*, seed: int, stream: str, classes: dict[str, int]) -> Iterator[PhantomLesion]:
    """Yield fresh lesions of new patients, as many of each class as `classes` says.

    The patients of a stream are neither those of the cohort nor those of another stream. Each
    lesion comes as the slice of its patient's volume where its mask is largest; the volume
    itself is not drawn. Raises UserError as `cohort_rows`.
    """
    for patient_id, labels in _patients(seed, ("stream", stream), classes):
        patient = Patient(seed, ("stream", stream, patient_id), labels)
        for lesion in patient.lesions:
            index = patient.largest_slice(lesion)
            yield PhantomLesion(
                label=lesion.lesion.label,
                patient_id=f"{stream}-{patient_id}",
                pixels=patient.slice_hu(index),
                mask=patient.slice_mask(lesion, index),
                spacing_mm=patient.scanner.pixel_mm,
            )


def _patients(
    seed: int, source: tuple[str, ...], classes: dict[str, int]
) -> list[tuple[str, list[str]]]:
    """Share the lesions out to patients: (patient_id, labels) in an order that tells nothing."""
    _check(classes)
    rng = generator(seed, "phantom", *source, "patients")
    groups = []
    for label in [name for name in CLASSES if name in classes]:
        count = classes[label]
        wanted = round(count / LESIONS_A_PATIENT[label])
        patients = max(min(count, FEWEST_PATIENTS), wanted)
        places = np.repeat(np.arange(patients), MOST_LESIONS - 1)
        further = rng.permutation(places)[: count - patients]
        groups += [[label] * int(1 + np.sum(further == patient)) for patient in range(patients)]
    groups = _mix(rng, [groups[index] for index in rng.permutation(len(groups))])
    digits = max(3, len(str(len(groups))))
    return [(f"p{number:0{digits}}", labels) for number, labels in enumerate(groups, start=1)]


def _mix(rng: np.random.Generator, groups: list[list[str]]) -> list[list[str]]:
    """Let some patients with one lesion be one patient with a patient of another class."""
    wanted = round(MIXED_SHARE * len(groups))
    mixed: list[list[str]] = []
    for labels in groups:
        other = next((one for one in mixed if len(one) == 1 and one != labels), None)
        if wanted and len(labels) == 1 and other is not None:
            other += labels
            wanted -= 1
        else:
            mixed.append(list(labels))
    return [mixed[index] for index in rng.permutation(len(mixed))]


def _check(classes: dict[str, int]) -> None:
    allowed = ", ".join(CLASSES)
    problems = [
        f"phantom classes: {name!r} is not a class of the phantom; allowed are {allowed}"
        for name in classes
        if name not in CLASSES
    ]
    problems += [
        f"phantom classes: {name} has {count!r} lesions; give a whole number of 1 or more"
        for name, count in classes.items()
        if name in CLASSES and (isinstance(count, bool) or not isinstance(count, int) or count < 1)
    ]
    if not classes:
        problems.append(f"phantom classes: none given; allowed are {allowed}")
    if problems:
        raise UserError(problems)
