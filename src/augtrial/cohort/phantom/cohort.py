"""The built-in cohort: phantom patients with liver lesions, their table and their files."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from augtrial.cohort.lesion import Lesion
from augtrial.cohort.phantom.patients import Patient
from augtrial.core.errors import UserError
from augtrial.core.io import atomic_write
from augtrial.core.seeds import generator

CLASSES = ("cyst", "metastasis", "hemangioma")
LESIONS_PER_PATIENT = {"cyst": 1.3, "metastasis": 1.7, "hemangioma": 1.4}  # mean, by class
MAX_LESIONS = 4  # of one class in one patient
MIN_PATIENTS = 4  # per class, so that a small cohort can be split by patient
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


@dataclass(frozen=True, eq=False)
class PhantomLesion:
    """One lesion on the axial slice where it is largest."""

    label: str
    patient_id: str
    pixels: np.ndarray  # HU, float32 [h, w], whole numbers as in the volume files
    mask: np.ndarray  # True inside the lesion, bool [h, w]
    spacing_mm: float


def cohort_lesions(folder: Path, *, seed: int, classes: dict[str, int]) -> list[Lesion]:
    """Return the lesions of a cohort in a folder, as its table names them; no image is drawn.

    `classes` gives the number of lesions of each class. Raises UserError for an unknown class, or
    a number below 1.
    """
    lesions: list[Lesion] = []
    for patient_id, labels in _patients(seed, ("cohort",), classes):
        image = folder / f"images/{patient_id}.nii"
        for number, label in enumerate(labels, start=1):
            lesion_id, row = f"{patient_id}_{number}", len(lesions) + 2
            mask = folder / f"masks/{lesion_id}.nii.gz"
            lesions.append(Lesion(lesion_id, patient_id, label, image, mask, row=row))
    return lesions


def write_cohort(folder: Path, *, seed: int, classes: dict[str, int], processes: int = 1) -> None:
    """Write lesions.csv, images/, masks/ and README.md into the folder; lesions.csv comes last.

    Images are int16 HU (.nii: compression of noise is slow and saves little) and masks uint8
    (.nii.gz), with spacing and origin in mm. The same seed and classes give the same bytes with any
    number of processes. Raises UserError as `cohort_lesions` does.
    """
    lines = ["lesion_id,patient_id,label,image,mask\n"]
    for lesion in cohort_lesions(Path(), seed=seed, classes=classes):
        names = f"{lesion.lesion_id},{lesion.patient_id},{lesion.label}"
        lines.append(f"{names},{lesion.image},{lesion.mask}\n")
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    patients = _patients(seed, ("cohort",), classes)
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(partial(_write_patient, folder, seed), patients))
    with atomic_write(folder / "README.md") as draft:
        draft.write_text(NOTE, encoding="utf-8")
    with atomic_write(folder / "lesions.csv") as draft:
        draft.write_text("".join(lines), encoding="utf-8", newline="")


def _write_patient(folder: Path, seed: int, row: tuple[str, list[str]]) -> None:
    patient_id, labels = row
    patient = Patient(seed, ("cohort", patient_id), labels)
    patient.write_image(folder / "images" / f"{patient_id}.nii")
    for number, lesion in enumerate(patient.lesions, start=1):
        patient.write_mask(lesion, folder / "masks" / f"{patient_id}_{number}.nii.gz")


def draw_lesions(*, seed: int, stream: str, classes: dict[str, int]) -> Iterator[PhantomLesion]:
    """Yield fresh lesions of new patients, as many of each class as `classes` says.

    A stream has its own patients: they are neither in the cohort nor in another stream. Only the
    slice with a lesion's largest mask is drawn, not the whole volume. Raises UserError as
    `cohort_lesions` does.
    """
    for patient_id, labels in _patients(seed, ("stream", stream), classes):
        patient = Patient(seed, ("stream", stream, patient_id), labels)
        for placed in patient.lesions:
            index = patient.largest_slice(placed)
            yield PhantomLesion(
                label=placed.lesion.label,
                patient_id=f"{stream}-{patient_id}",
                pixels=patient.slice_hu(index),
                mask=patient.slice_mask(placed, index),
                spacing_mm=patient.scanner.pixel_mm,
            )


def _patients(
    seed: int, source: tuple[str, ...], classes: dict[str, int]
) -> list[tuple[str, list[str]]]:
    """Assign the lesions to patients: (patient_id, labels), in an order that reveals no class."""
    _check_classes(classes)
    rng = generator(seed, "phantom", *source, "patients")
    groups = []
    for label in [name for name in CLASSES if name in classes]:
        count = classes[label]
        patients = max(min(count, MIN_PATIENTS), round(count / LESIONS_PER_PATIENT[label]))
        # Each patient has one lesion; the other lesions go to random patients.
        owners = rng.permutation(np.repeat(np.arange(patients), MAX_LESIONS - 1))
        owners = owners[: count - patients]
        groups += [[label] * int(1 + np.sum(owners == patient)) for patient in range(patients)]
    groups = _mix(rng, [groups[index] for index in rng.permutation(len(groups))])
    digits = max(3, len(str(len(groups))))
    return [(f"p{number:0{digits}}", labels) for number, labels in enumerate(groups, start=1)]


def _mix(rng: np.random.Generator, groups: list[list[str]]) -> list[list[str]]:
    """Merge some pairs of patients, with one lesion each and of different classes, into one."""
    wanted = round(MIXED_SHARE * len(groups))
    mixed: list[list[str]] = []
    for labels in groups:
        partner = next((group for group in mixed if len(group) == 1 and group != labels), None)
        if wanted and len(labels) == 1 and partner is not None:
            partner += labels
            wanted -= 1
        else:
            mixed.append(list(labels))
    return [mixed[index] for index in rng.permutation(len(mixed))]


def _check_classes(classes: dict[str, int]) -> None:
    allowed = ", ".join(CLASSES)
    problems = [] if classes else [f"phantom classes: none given; allowed are {allowed}"]
    for name, count in classes.items():
        if name not in CLASSES:
            what = f"{name!r} is not a class of the phantom; allowed are {allowed}"
            problems.append(f"phantom classes: {what}")
        elif isinstance(count, bool) or not isinstance(count, int) or count < 1:
            what = f"{name} has {count!r} lesions; give a whole number of 1 or more"
            problems.append(f"phantom classes: {what}")
    if problems:
        raise UserError(problems)
