"""The study: settings, lesions, classes and folds, before any job runs."""

import re
from collections.abc import Iterable
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

from augtrial.cohort.folds import fresh_parts, nested_order, set_aside, split_patients
from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.cohort.table import read_table
from augtrial.config.load import read_settings
from augtrial.config.settings import Settings
from augtrial.core import seeds
from augtrial.core.registry import synthesizers, tasks
from augtrial.core.replicate import Replicate

PHANTOM = "phantom"
Which = int | str | Replicate  # a replicate, as code or a wildcard names it


class Study:
    """A study's settings, its lesions and their parts; `classes` are in the order of tables."""

    def __init__(self, settings: Settings, cohort: Cohort, classes: Iterable[str]) -> None:
        self.settings = settings
        self.cohort = cohort
        self.lesions = cohort.lesions
        self.classes = list(classes)
        self.given_folds = cohort.has_folds
        self.root = f"results/{settings.study}"  # the folder of the results

    @classmethod
    def from_config(cls, config: dict[str, Any], source: str = "the config") -> "Study":
        """Return the study of a config, with its lesion table read and checked.

        Raises:
            UserError: with all problems of the settings, or all of the lesion table.
        """
        settings = read_settings(config, source)
        if settings.cohort.table != PHANTOM:
            cohort = read_table(Path(settings.cohort.table))
            return cls(settings, cohort, cohort.classes)
        from augtrial.cohort.phantom.cohort import cohort_lesions

        # As its table will read once it is drawn.
        folder, phantom = Path(f"results/{settings.study}/cohort"), settings.cohort.phantom
        lesions = cohort_lesions(folder, **phantom.model_dump())
        return cls(settings, Cohort(folder / "lesions.csv", tuple(lesions)), phantom.classes)

    # What there is -------------------------------------------------------------------------

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
        shares = self.settings.subsets.percents if self.settings.subset_arms else []
        return [Replicate(number, share) for share in shares for number in self.replicates]

    @property
    def shares(self) -> list[int]:
        """The percentages of the training patients, all of them the last."""
        return [*dict.fromkeys(replicate.share for replicate in self.subset_replicates), 100]

    @cached_property
    def folds(self) -> list[int]:
        """The folds: the table's own, or 1 to their number."""
        if self.given_folds:
            return sorted({lesion.fold for lesion in self.lesions if lesion.fold is not None})
        return list(range(1, self.settings.folds.number + 1))

    @property
    def one_split(self) -> bool:
        """Whether all replicates use the same split."""
        shared = self.settings.share_synthesizer or self.given_folds
        return shared or self.settings.folds.split == "one"

    @property
    def conditional_on(self) -> str:
        """What the replicates have in common, beyond the lesions; empty if nothing."""
        if self.settings.share_synthesizer and self.settings.used_synthesizers:
            return "the split and the synthesizer"
        return "the split" if self.one_split else ""

    @cached_property
    def _fold_of(self) -> dict[int, dict[str, int]]:
        """Replicate -> lesion -> the fold that holds it out."""
        if self.given_folds:
            known = {lesion.lesion_id: lesion.fold or 0 for lesion in self.lesions}
            return dict.fromkeys(self.replicates, known)
        ids = [lesion.lesion_id for lesion in self.lesions]
        patients = [lesion.case for lesion in self.lesions]
        labels = [lesion.label for lesion in self.lesions]
        number, seed = self.settings.folds.number, self.settings.seed
        fold_of: dict[int, dict[str, int]] = {}
        for replicate in self.replicates:
            split = self.split_of(replicate).number
            if split == replicate:
                folds = split_patients(patients, labels, number, seed=seed, replicate=split)
                fold_of[split] = dict(zip(ids, folds, strict=True))
            fold_of[replicate] = fold_of[split]
        return fold_of

    @cached_property
    def _held_out(self) -> dict[int, dict[int, list[Lesion]]]:
        """Replicate -> fold -> the lesions that it holds out, since every job asks for some."""
        found: dict[int, dict[int, list[Lesion]]] = {}
        for replicate, fold_of in self._fold_of.items():
            found[replicate] = {fold: [] for fold in self.folds}
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
        which = Replicate.parse(replicate)
        lesions = self._held_out[which.number][int(part)]
        return list(lesions) if which.share == 100 else self._share(lesions, which)

    def _share(self, lesions: list[Lesion], replicate: Replicate) -> list[Lesion]:
        """Return the lesions of a share of the patients; a smaller one is nested in a larger."""
        patients = [lesion.case for lesion in lesions]
        labels = [lesion.label for lesion in lesions]
        seed = seeds.derive(self.settings.seed, "subset", self.split_of(replicate).number)
        order = nested_order(patients, labels, seed=seed)
        number = max(ceil(len(order) * replicate.share / 100), len(set(labels)))
        kept = set(order[:number])
        return [lesion for lesion, name in zip(lesions, patients, strict=True) if name in kept]

    def split_of(self, replicate: Which) -> Replicate:
        """Return the replicate whose split, and whose subset of the patients, this one has."""
        which = Replicate.parse(replicate)
        return Replicate(1, which.share) if self.one_split else which

    def training_size(self, share: int) -> dict[str, float]:
        """Return how many lesions and patients a fold is trained with, in the mean."""
        lesions, patients, sets = 0, 0, len(self.replicates) * len(self.folds)
        for number in self.replicates:
            parts = {fold: self.part(Replicate(number, share), fold) for fold in self.folds}
            for fold in self.folds:
                cases = [lesion.case for p in self.training_parts(fold) for lesion in parts[p]]
                lesions += len(cases)
                patients += len(set(cases))
        return {"training_lesions": lesions / sets, "training_patients": patients / sets}

    def training_parts(self, fold: int | str) -> list[int]:
        """Return the parts that a job of a fold may read: all but its own."""
        return [part for part in self.folds if part != int(fold)]

    def set_aside(self, replicate: Which, fold: int | str) -> list[str]:
        """Return the training lesions that a fold's second networks do not see."""
        parts = [self.part(replicate, part) for part in self.training_parts(fold)]
        lesions = [lesion for part in parts for lesion in part]
        split = self.split_of(replicate).number
        patients = set_aside(
            [lesion.case for lesion in lesions],
            [lesion.label for lesion in lesions],
            seed=seeds.derive(self.settings.seed, "set aside", split, int(fold)),
        )
        return [lesion.lesion_id for lesion in lesions if lesion.case in patients]

    def synthesizer_replicate(self, replicate: Which) -> Replicate:
        """Return whose synthesizer a replicate uses."""
        which = Replicate.parse(replicate)
        return Replicate(1, which.share) if self.settings.share_synthesizer else which

    @property
    def synthesizer_replicates(self) -> list[Replicate]:
        """The replicates whose synthesizers are used, each once."""
        return list(dict.fromkeys(map(self.synthesizer_replicate, self.replicates)))

    def synthesizer_kind(self, name: str) -> Any:
        """Return the kind of one of the study's synthesizers (`synthesizers.base.Synthesizer`)."""
        return synthesizers[self.settings.synthesizers[name].kind]

    @property
    def task(self) -> Any:
        """The task that the arms are judged by (`tasks.base.Task`)."""
        return tasks[self.settings.task]

    @property
    def task_modules(self) -> list[str]:
        """The modules that decide what the task's networks learn and predict."""
        kind = self.settings.classifier.kind
        return [f"tasks.{self.settings.task}.task", f"tasks.classification.networks.{kind}"]

    @property
    def user_code(self) -> str:
        """A hash of the user's own module, where the network is built by one; else empty."""
        return self.task.user_code(self.settings.classifier)

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
        folds, seed = self.folds, self.settings.seed
        return fresh_parts(
            self.fresh_cohort, self.cohort, classes=self.classes, folds=folds, seed=seed
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

    # For Snakemake -------------------------------------------------------------------------

    @staticmethod
    def pictures(lesions: Iterable[Lesion]) -> list[str]:
        """Return the image and mask files of lesions, each once."""
        files = [path for lesion in lesions for path in (lesion.image, lesion.mask) if path]
        return list(dict.fromkeys(path.as_posix() for path in files))

    @staticmethod
    def lesion_values(lesions: Iterable[Lesion]) -> list[dict[str, Any]]:
        """Return lesions as plain values: what a job is told of them."""
        return [lesion.values() for lesion in lesions]

    @staticmethod
    def one_of(names: Iterable[str]) -> str:
        """Return a regular expression that matches exactly these names."""
        return "|".join(re.escape(name) for name in names) or "(?!)"
