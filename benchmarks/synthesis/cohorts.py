"""The cohorts of the comparison, and their patients: seen by the synthesizers, or unseen.

The phantom is drawn; the tables of the others lie below the folder that AUGTRIAL_COHORTS names, and
are cut as the trials' configs say.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from augtrial.cohort.folds import split_patients
from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.cohort.readers import lesion_slice
from augtrial.cohort.table import read_table
from augtrial.config.cohort import ClassicSettings, PhantomSettings, RoiSettings
from augtrial.config.load import read_settings
from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.core.names import MIN_LESIONS
from augtrial.imaging.affine_augmentation import apply_variants, sample_variant
from augtrial.imaging.context import Context
from augtrial.imaging.roi import extract_context, extract_roi
from benchmarks.paired import ROOT

UNSEEN = 4  # one patient in so many


@dataclass(frozen=True)
class Source:
    """Where a cohort comes from.

    `config` is a trial's, whose ROI, classic and classifier settings hold; `table` lies below
    AUGTRIAL_COHORTS, and is empty for the phantom; `fixed` is how many classic variants a fold's
    DCGAN learns from in that trial; `steps` are those of a flow.
    """

    title: str
    config: str
    fixed: int
    steps: int
    table: str = ""


SOURCES = {
    "phantom": Source("the phantom", "brain-tumor-mr-trial.yaml", 2000, 24),
    "brain": Source(
        "brain tumours",
        "brain-tumor-mr-trial.yaml",
        2000,  # 500 for each of four training folds
        16,
        "brain-tumor-mr/lesions-182.csv",
    ),
    "lung": Source(
        "lung nodules",
        "lung-nodule-ct-trial.yaml",
        3000,  # 1500 for each of two training folds
        24,  # their pictures have grain
        "lung-nodule-ct/lesions.csv",
    ),
}
PHANTOM = PhantomSettings()


@dataclass(frozen=True, eq=False)
class Lesions:
    """Lesions with their pictures.

    `images` are their ROIs, uint8 [n, s, s]; `contexts` [n] their surroundings; `labels`, `ids` and
    `patients` [n] are names. `cases` [n] are what a cross-validation keeps together: the patient,
    or the lesion where no patient is known; `patients` are the table's folds then.
    """

    images: np.ndarray
    contexts: tuple[Context, ...]
    labels: np.ndarray
    ids: np.ndarray
    patients: np.ndarray
    cases: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, chosen: np.ndarray) -> "Lesions":
        """Return those that `chosen`, bool [n], says."""
        contexts = tuple(self.contexts[index] for index in np.flatnonzero(chosen))
        names = (self.labels, self.ids, self.patients, self.cases)
        return Lesions(self.images[chosen], contexts, *(values[chosen] for values in names))


@dataclass(frozen=True, eq=False)
class Cohort:
    """A cohort with the settings of its trial."""

    name: str
    source: Source
    lesions: Lesions
    roi: RoiSettings
    classic: ClassicSettings
    classifier: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the alphabet's order, which is that of labels."""
        return tuple(np.unique(self.lesions.labels).tolist())


@dataclass(frozen=True, eq=False)
class Split:
    """A cohort's lesions by patient: `seen` by the synthesizers, or `unseen`."""

    seen: Lesions
    unseen: Lesions

    @property
    def note(self) -> str:
        """What cannot be estimated, in words; empty if all can be."""
        classes, counts = np.unique(self.unseen.labels, return_counts=True)
        few = [f"{n} of {label}" for label, n in zip(classes, counts, strict=True)]
        few = [text for text, n in zip(few, counts, strict=True) if n < MIN_LESIONS]
        return f"too few unseen lesions: {', '.join(few)}" if few else ""


@cache
def cohort(name: str) -> Cohort:
    """Return a cohort by its name in `SOURCES`.

    Raises:
        UserError: its table is needed, and AUGTRIAL_COHORTS names no folder.
    """
    source = SOURCES[name]
    config = yaml.safe_load((ROOT / "config" / source.config).read_text(encoding="utf-8"))
    settings = read_settings(config, source.config)
    is_table = bool(source.table)
    roi = settings.roi if is_table else RoiSettings(size=settings.roi.size)
    rows = _table_rows(source.table) if is_table else _phantom_rows()
    return Cohort(
        name, source, _read(rows, roi, settings.classic), roi, settings.classic, settings.classifier
    )


def _phantom_rows() -> Iterator[tuple[Any, str, str, str, str]]:
    drawn = draw_lesions(seed=PHANTOM.seed, stream="synthesis", classes=PHANTOM.classes)
    for number, lesion in enumerate(drawn):
        patient = lesion.patient_id
        yield lesion, lesion.label, f"{patient}-{number}", patient, patient


def _table_rows(table: str) -> Iterator[tuple[Any, str, str, str, str]]:
    folder = os.environ.get("AUGTRIAL_COHORTS")
    if not folder:
        raise UserError(f"AUGTRIAL_COHORTS names no folder with {table}")
    for lesion in read_table(Path(folder) / table).lesions:
        # Without patients the table's folds are what keeps a patient's lesions together.
        patient = lesion.patient_id or f"fold {lesion.fold}"
        yield lesion_slice(lesion), lesion.label, lesion.lesion_id, patient, lesion.case


def _read(
    rows: Iterator[tuple[Any, str, str, str, str]], roi: RoiSettings, classic: ClassicSettings
) -> Lesions:
    images, contexts, names = [], [], []
    for lesion, *about in rows:
        contexts.append(extract_context(lesion, roi, classic))
        images.append(extract_roi(contexts[-1], roi.size))
        names.append(about)
    return Lesions(np.stack(images), tuple(contexts), *np.array(names).T)


@cache
def split(name: str, seed: int) -> Split:
    """Return a cohort's seen and unseen lesions; no patient is among both."""
    lesions = cohort(name).lesions
    given = lesions.patients.tolist()
    if all(patient.startswith("fold ") for patient in given):
        held = _held_folds(lesions, seed)
        unseen = np.isin(lesions.patients, held)
    else:
        labels = lesions.labels.tolist()
        folds = split_patients(given, labels, UNSEEN, seed=seed, replicate=0)
        unseen = np.array(folds) == 1
    return Split(lesions.select(~unseen), lesions.select(unseen))


def _held_folds(lesions: Lesions, seed: int) -> Sequence[str]:
    """Return the given folds of the unseen lesions: one or two, about a quarter of all lesions.

    Each seed has others, the nearest to a quarter first, of those with ten lesions of each class.
    """
    folds, classes = np.unique(lesions.patients), np.unique(lesions.labels)
    found = []
    for number in (1, 2):
        for held in combinations(folds.tolist(), number):
            labels = lesions.labels[np.isin(lesions.patients, held)]
            enough = min((labels == label).sum() for label in classes) >= MIN_LESIONS
            found.append((not enough, abs(len(labels) - len(lesions) / UNSEEN), held))
    return sorted(found)[(seed - 1) % len(found)][2]


def variants(
    lesions: Lesions, number: int, classic: ClassicSettings, size: int, *, seed: int, name: str
) -> np.ndarray:
    """Return so many random classic variants of each lesion: uint8 [n, number, s, s]."""
    found = np.zeros((len(lesions), number, size, size), np.uint8)
    for row, lesion, context in zip(found, lesions.ids, lesions.contexts, strict=True):
        chance = seeds.generator(seed, "variants", name, lesion)
        drawn = [sample_variant(context.diameter, classic, chance) for _ in range(number)]
        row[:] = apply_variants(context, drawn, size)
    return found
