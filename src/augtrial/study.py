"""The study: settings, lesions, classes and folds, before any job runs.

It knows the lesions, the classes and the folds beforehand, so that a job of fold k can be
given the pictures of the other folds' lesions and no others.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

from augtrial import seeds
from augtrial.cohort.fresh import fresh_parts
from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.cohort.table import read_table
from augtrial.folds import nested_order, split_patients
from augtrial.replicate import Replicate
from augtrial.settings import DcganSettings, Settings, read_settings
from augtrial.source import source_hash

PHANTOM = "phantom"
ALL = "all"  # the scope of a training job that learns all classes
Which = int | str | Replicate  # a replicate, as code or a wildcard names it


class Study:
    """A study's settings, lesions and their parts."""

    def __init__(self, settings: Settings, cohort: Cohort, classes: Iterable[str]) -> None:
        """Join settings and lesions; `classes` in the order in which tables show them."""
        self.settings = settings
        self.cohort = cohort
        self.lesions = cohort.lesions
        self.classes = list(classes)
        self.given_folds = cohort.has_folds

    @classmethod
    def from_config(cls, config: dict[str, Any], source: str = "the config") -> "Study":
        """Return the study of a config, with its lesion table read and checked.

        Raises:
            UserError: with all problems of the settings, or all of the lesion table.
        """
        settings = read_settings(config, source)
        if settings.cohort.table == PHANTOM:
            phantom = settings.cohort.phantom
            return cls(settings, phantom_cohort(settings), phantom.classes)
        cohort = read_table(Path(settings.cohort.table))
        return cls(settings, cohort, cohort.classes)

    # What there is -------------------------------------------------------------------------

    @property
    def root(self) -> str:
        """The folder of the results."""
        return f"results/{self.settings.study}"

    @property
    def is_phantom(self) -> bool:
        """Whether the built-in cohort is studied."""
        return self.settings.cohort.table == PHANTOM

    @property
    def replicates(self) -> list[int]:
        """The replicates, from 1."""
        return list(range(1, self.settings.replicates + 1))

    @property
    def subset_replicates(self) -> list[Replicate]:
        """The replicates with a share of the training patients, share by share."""
        shares = self.settings.subsets.shares if self.settings.subset_arms else []
        return [Replicate(number, share) for share in shares for number in self.replicates]

    @property
    def shares(self) -> list[int]:
        """The percentages of the training patients, all of them the last."""
        return [*dict.fromkeys(replicate.share for replicate in self.subset_replicates), 100]

    @cached_property
    def folds(self) -> list[int]:
        """The folds: the table's own, or 1 to their number."""
        if self.given_folds:
            return sorted({lesion.fold for lesion in self.lesions})
        return list(range(1, self.settings.folds.number + 1))

    @property
    def one_split(self) -> bool:
        """Whether all replicates use the same split."""
        one = self.settings.folds.split == "one" or self.settings.share_synthesizer
        return self.given_folds or one

    @property
    def conditional_on(self) -> str:
        """What the replicates have in common, beyond the lesions; empty if nothing."""
        if self.settings.share_synthesizer and self.settings.used_synthesizers:
            return "the split and the synthesizer"
        return "the split" if self.one_split else ""

    @cached_property
    def _fold_of(self) -> dict[int, dict[str, int]]:
        """Replicate -> lesion -> the fold that holds it out."""
        ids = [lesion.lesion_id for lesion in self.lesions]
        if self.given_folds:
            given = {lesion.lesion_id: lesion.fold for lesion in self.lesions}
            return dict.fromkeys(self.replicates, given)
        patients = [lesion.case for lesion in self.lesions]
        labels = [lesion.label for lesion in self.lesions]
        number, seed = self.settings.folds.number, self.settings.seed
        splits = {
            own: split_patients(patients, labels, number, seed=seed, replicate=own)
            for own in {self.split_of(replicate).number for replicate in self.replicates}
        }
        return {
            replicate: dict(zip(ids, splits[self.split_of(replicate).number], strict=True))
            for replicate in self.replicates
        }

    @cached_property
    def _held_out(self) -> dict[int, dict[int, list[Lesion]]]:
        """Replicate -> fold -> the lesions that it holds out, since every job asks for some."""
        found = {replicate: {fold: [] for fold in self.folds} for replicate in self.replicates}
        for replicate, fold_of in self._fold_of.items():
            for lesion in self.lesions:
                found[replicate][fold_of[lesion.lesion_id]].append(lesion)
        return found

    def fold_rows(self) -> list[list[Any]]:
        """Return the rows of folds.csv: lesion_id, patient_id, replicate, fold."""
        return [
            [lesion.lesion_id, lesion.patient_id, replicate, fold_of[lesion.lesion_id]]
            for replicate, fold_of in self._fold_of.items()
            for lesion in self.lesions
        ]

    # The lesions of a part -----------------------------------------------------------------

    def part(self, replicate: Which, part: int | str) -> list[Lesion]:
        """Return the lesions that a fold holds out, or a replicate's share of their patients."""
        own = Replicate.parse(replicate)
        lesions = self._held_out[own.number][int(part)]
        return list(lesions) if own.share == 100 else self._share(lesions, own)

    def _share(self, lesions: list[Lesion], replicate: Replicate) -> list[Lesion]:
        """Return the lesions of a share of the patients; a smaller one is nested in a larger."""
        patients = [lesion.case for lesion in lesions]
        labels = [lesion.label for lesion in lesions]
        own = seeds.derive(self.settings.seed, "subset", self.split_of(replicate).number)
        order = nested_order(patients, labels, seed=own)
        number = max(ceil(len(order) * replicate.share / 100), len(set(labels)))
        kept = set(order[:number])
        return [lesion for lesion, name in zip(lesions, patients, strict=True) if name in kept]

    def split_of(self, replicate: Which) -> Replicate:
        """Return the replicate whose split, and whose subset of the patients, this one has."""
        own = Replicate.parse(replicate)
        return Replicate(1, own.share) if self.one_split else own

    def training_size(self, share: int) -> dict[str, float]:
        """Return how many lesions and patients a fold is trained with, in the mean."""
        sets = [
            [
                lesion
                for part in self.training_parts(fold)
                for lesion in self.part(Replicate(number, share), part)
            ]
            for number in self.replicates
            for fold in self.folds
        ]
        patients = [len({lesion.case for lesion in s}) for s in sets]
        return {
            "training_lesions": sum(map(len, sets)) / len(sets),
            "training_patients": sum(patients) / len(sets),
        }

    def pictures(self, replicate: Which, part: int | str) -> list[str]:
        """Return the image and mask files of a part's lesions."""
        return _pictures(self.part(replicate, part))

    def part_rows(self, replicate: Which, part: int | str) -> list[dict[str, Any]]:
        """Return a part's lesions as plain values: what a job is told of them."""
        return [lesion.values() for lesion in self.part(replicate, part)]

    def training_parts(self, fold: int | str) -> list[int]:
        """Return the parts that a job of a fold may read: all but its own."""
        return [part for part in self.folds if part != int(fold)]

    def synthesizer_replicate(self, replicate: Which) -> Replicate:
        """Return whose synthesizer a replicate uses."""
        own = Replicate.parse(replicate)
        return Replicate(1, own.share) if self.settings.share_synthesizer else own

    def scopes(self, synthesizer: str) -> list[str]:
        """Return the files of a synthesizer's networks in one fold: one a class, or `all`."""
        settings = self.settings.synthesizers[synthesizer]
        by_class = isinstance(settings, DcganSettings) and self.settings.jobs == "network"
        return self.classes if by_class else [ALL]

    def scope_classes(self, scope: str) -> list[str]:
        """Return the classes that a training job learns."""
        return self.classes if scope == ALL else [scope]

    # Fresh lesions --------------------------------------------------------------------------

    @property
    def oracle_images(self) -> int:
        """Return how many images of fresh lesions per class and fold the arms ask for at most."""
        return max(arm.oracle for arm in self.settings.arms.values())

    @cached_property
    def fresh_cohort(self) -> Cohort | None:
        """The second table, where arms ask for fresh lesions and the cohort does not draw them."""
        if not self.oracle_images or self.is_phantom:
            return None
        return read_table(Path(self.settings.oracle.table))

    @cached_property
    def _fresh_parts(self) -> dict[int, list[Lesion]]:
        """Part -> the fresh lesions of a second table that belong to it."""
        if self.fresh_cohort is None:
            return {part: [] for part in self.folds}
        return fresh_parts(
            self.fresh_cohort,
            self.cohort,
            classes=self.classes,
            folds=self.folds,
            seed=self.settings.seed,
        )

    def oracle_phantom(self) -> dict[str, Any] | None:
        """Return what the built-in cohort's fresh lesions are drawn by; None of a table."""
        if not self.is_phantom:
            return None
        fresh = dict.fromkeys(self.classes, self.settings.oracle.lesions)
        return {"seed": self.settings.cohort.phantom.seed, "classes": fresh}

    def oracle_lesions(self, part: int | str) -> list[Lesion]:
        """Return the fresh lesions of a second table that one part's folds may not see."""
        return self._fresh_parts[int(part)]

    def oracle_pictures(self, part: int | str) -> list[str]:
        """Return the image and mask files of a part's fresh lesions."""
        return _pictures(self.oracle_lesions(part))

    def oracle_rows(self, part: int | str) -> list[dict[str, Any]]:
        """Return a part's fresh lesions as plain values."""
        return [lesion.values() for lesion in self.oracle_lesions(part)]

    # For Snakemake -------------------------------------------------------------------------

    @staticmethod
    def code(*modules: str) -> str:
        """Return the hash of the code that a rule stands on."""
        return source_hash(*modules)

    @staticmethod
    def one_of(names: Iterable[str]) -> str:
        """Return a regular expression that matches exactly these names."""
        return "|".join(re.escape(name) for name in names) or "(?!)"


def _pictures(lesions: Iterable[Lesion]) -> list[str]:
    """Return the image and mask files of lesions, each once."""
    files: dict[str, None] = {}
    for lesion in lesions:
        files[lesion.image.as_posix()] = None
        if lesion.mask is not None:
            files[lesion.mask.as_posix()] = None
    return list(files)


def phantom_cohort(settings: Settings) -> Cohort:
    """Return the built-in cohort as its table will read once it is drawn."""
    from augtrial.cohort.phantom import cohort_rows

    phantom = settings.cohort.phantom
    folder = Path("results") / settings.study / "cohort"
    lesions = tuple(
        Lesion(
            lesion_id=row.lesion_id,
            patient_id=row.patient_id,
            label=row.label,
            image=folder / row.image,
            mask=folder / row.mask,
            mask_value=None,
            box=None,
            slice=None,
            spacing_mm=None,
            fold=None,
            extra={},
            row=number + 2,
        )
        for number, row in enumerate(cohort_rows(seed=phantom.seed, classes=phantom.classes))
    )
    return Cohort(folder / "lesions.csv", lesions)
