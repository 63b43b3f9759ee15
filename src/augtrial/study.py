"""The study as files and jobs: what the Snakefile asks.

It knows the lesions, the classes and the folds before any job runs, so that a job of fold k can
be given the pictures of the other folds' lesions and no others.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.cohort.table import read_table
from augtrial.folds import split_patients
from augtrial.settings import Arm, Budget, DcganSettings, Settings, read_settings
from augtrial.source import PACKAGE, source_hash
from augtrial.spelling import contrast_arms, hint

PHANTOM = "phantom"


class Study:
    """A study's settings, lesions and places."""

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
        patients = [lesion.patient_id or lesion.lesion_id for lesion in self.lesions]
        labels = [lesion.label for lesion in self.lesions]
        number, seed = self.settings.folds.number, self.settings.seed
        return {
            replicate: dict(
                zip(
                    ids,
                    split_patients(
                        patients,
                        labels,
                        number,
                        seed=seed,
                        replicate=1 if self.one_split else replicate,
                    ),
                    strict=True,
                )
            )
            for replicate in self.replicates
        }

    def fold_rows(self) -> list[list[Any]]:
        """Return the rows of folds.csv: lesion_id, patient_id, replicate, fold."""
        return [
            [lesion.lesion_id, lesion.patient_id, replicate, fold_of[lesion.lesion_id]]
            for replicate, fold_of in self._fold_of.items()
            for lesion in self.lesions
        ]

    # The lesions of a part -----------------------------------------------------------------

    def part(self, replicate: int | str, part: int | str) -> list[Lesion]:
        """Return the lesions that a fold holds out."""
        fold_of = self._fold_of[int(replicate)]
        return [lesion for lesion in self.lesions if fold_of[lesion.lesion_id] == int(part)]

    def pictures(self, replicate: int | str, part: int | str) -> list[str]:
        """Return the image and mask files of a part's lesions."""
        files: dict[str, None] = {}
        for lesion in self.part(replicate, part):
            files[lesion.image.as_posix()] = None
            if lesion.mask is not None:
                files[lesion.mask.as_posix()] = None
        return list(files)

    def part_rows(self, replicate: int | str, part: int | str) -> list[dict[str, Any]]:
        """Return a part's lesions as plain values: what a job is told of them."""
        return [lesion_values(lesion) for lesion in self.part(replicate, part)]

    # Files ---------------------------------------------------------------------------------

    def part_folder(self, replicate: int | str, part: int | str) -> str:
        """Return where a part's variants are; each replicate draws its own."""
        return f"{self.root}/replicate{replicate}/part{part}"

    def rois(self, replicate: int | str, part: int | str, name: str = "rois.npz") -> str:
        """Return a part's ROIs; replicates with one split share them."""
        return f"{self.part_folder(1 if self.one_split else replicate, part)}/{name}"

    def training_parts(self, replicate: int | str, fold: int | str) -> list[int]:
        """Return the parts that a job of a fold may read: all but its own."""
        return [part for part in self.folds if part != int(fold)]

    def training_rois(self, replicate: int | str, fold: int | str) -> list[str]:
        """Return the ROIs of a fold's training parts."""
        return [self.rois(replicate, part) for part in self.training_parts(replicate, fold)]

    def training_variants(self, replicate: int | str, fold: int | str) -> list[str]:
        """Return the variants of a fold's training parts."""
        parts = self.training_parts(replicate, fold)
        return [f"{self.part_folder(replicate, part)}/variants.npy" for part in parts]

    def fold_folder(self, replicate: int | str, fold: int | str) -> str:
        """Return where a fold's networks are."""
        return f"{self.root}/replicate{replicate}/fold{fold}"

    def synthesizer_replicate(self, replicate: int | str) -> int:
        """Return whose synthesizer a replicate uses."""
        return 1 if self.settings.share_synthesizer else int(replicate)

    def scopes(self, synthesizer: str) -> list[str]:
        """Return a synthesizer's training jobs in one fold: one a class, or `all`."""
        settings = self.settings.synthesizers[synthesizer]
        if isinstance(settings, DcganSettings) and settings.jobs == "class":
            return self.classes
        return ["all"]

    def scope_classes(self, scope: str) -> list[str]:
        """Return the classes that a training job learns."""
        return self.classes if scope == "all" else [scope]

    def generators(
        self, replicate: int | str, fold: int | str, synthesizer: str, suffix: str = ".pt"
    ) -> list[str]:
        """Return the state dicts of a fold's synthesizer, or what lies beside them."""
        folder = f"{self.fold_folder(replicate, fold)}/{synthesizer}"
        return [f"{folder}/{scope}{suffix}" for scope in self.scopes(synthesizer)]

    def samples(self, replicate: int | str, fold: int | str, names: Iterable[str]) -> list[str]:
        """Return the samples of these synthesizers for a fold."""
        folder = self.fold_folder(self.synthesizer_replicate(replicate), fold)
        return [f"{folder}/{name}/samples.npz" for name in names]

    def transformed(self, replicate: int | str, fold: int | str, arm: str) -> list[str]:
        """Return the transformed variants of an arm, part by part; none for most arms."""
        if not self.settings.arms[arm].transforms:
            return []
        parts = self.training_parts(replicate, fold)
        return [f"{self.part_folder(replicate, part)}/transformed/{arm}.npy" for part in parts]

    def network_names(self) -> list[list[str]]:
        """Return the classifiers of a fold: the arms, then the curves."""
        arms = [["arm", name] for name in self.settings.arms]
        return arms + [["curve", name] for name in self.settings.curves]

    def networks(self, replicate: int | str, fold: int | str) -> list[str]:
        """Return the files of a fold's classifiers, in the order of their names."""
        folder = self.fold_folder(replicate, fold)
        return [f"{folder}/{kind}s/{name}.pt" for kind, name in self.network_names()]

    def phantom_files(self) -> list[str]:
        """Return the pictures of the built-in cohort, where it is studied."""
        if not self.is_phantom:
            return []
        pictures = [path for lesion in self.lesions for path in (lesion.image, lesion.mask)]
        return list(dict.fromkeys(path.as_posix() for path in pictures))

    @property
    def checkpoints(self) -> str:
        """The folder of what killed trainings go on from; no rule declares it."""
        return f"{self.root}/.checkpoints"

    def results(self) -> list[str]:
        """Return what a whole study ends with."""
        return [*self.data(), *self.drawn()]

    def data(self) -> list[str]:
        """Return the tables and the record that figures and report are made from."""
        names = ["rois.csv", "folds.csv", "predictions.csv", "predictions_curve.csv", "study.json"]
        tables = ["endpoints", "contrasts", "confusion", "curve", "embedding"]
        tables += ["embedding_neighbours"]
        return [f"{self.root}/{name}" for name in names] + [
            f"{self.root}/tables/{name}.csv" for name in tables
        ]

    # Figures -------------------------------------------------------------------------------

    def figures(self) -> dict[str, str]:
        """Return the study's figures in the report's order: name to kind."""
        kinds = ["contrasts"] if self.settings.contrasts else []
        kinds += ["endpoints", "confusion"]
        kinds += ["size_curve"] if self.settings.curves else []
        kinds += ["embedding"] if self.embedding_arms() else []
        kinds += ["contact_sheet"]
        of_synthesizers = {
            f"{kind}_{name}": kind
            for name in self.settings.used_synthesizers
            for kind in ("samples", "progress", "losses")
        }
        return {kind: kind for kind in kinds} | of_synthesizers | {"training": "training"}

    def figure_files(self, suffix: str) -> list[str]:
        """Return the figures' files of one kind: svg, pdf, or csv for their data."""
        return [f"{self.root}/figures/{name}.{suffix}" for name in self.figures()]

    def drawn(self) -> list[str]:
        """Return the files of the figures, and the report."""
        files = [path for suffix in ("svg", "pdf", "csv") for path in self.figure_files(suffix)]
        return [*files, f"{self.root}/report.html"]

    def look(self) -> dict[str, Any]:
        """Return what every figure is told: names in their order, colours, examples."""
        like: dict[str, str] = {}
        for name, arm in self.settings.arms.items():
            networks = [self.settings.synthesizers[key].network for key in arm.synthetic]
            kind = networks[0] if len(networks) == 1 else "classic" if arm.classic else ""
            plain = arm.classic and not arm.transforms and len(networks) < 2
            if plain and kind not in like.values():
                like[name] = kind
        names = {"arms": list(self.settings.arms), "classes": self.classes, "like": like}
        confidence = self.settings.confidence
        return {**names, "confidence": confidence, **self.settings.figures.model_dump()}

    def captions(self, folder: str | Path) -> dict[str, str]:
        """Return the caption of each figure, read from the workflow's `<kind>.rst`."""
        return {
            name: (Path(folder) / f"{kind}.rst").read_text(encoding="utf-8")
            for name, kind in self.figures().items()
        }

    @staticmethod
    def page_source() -> str:
        """Return a hash of the report's template, style and script."""
        parts = sorted((PACKAGE / "report").glob("*.[hcj]*"))
        return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]

    def arm_histories(self) -> list[str]:
        """Return the histories of the arms' classifiers."""
        return [
            path for arm in self.settings.arms for path in self.each_fold(f"arms/{arm}.history.csv")
        ]

    def synthesizer_histories(self, name: str) -> list[str]:
        """Return the histories of a synthesizer's trainings, each once."""
        own = dict.fromkeys(self.synthesizer_replicate(replicate) for replicate in self.replicates)
        return [
            path
            for replicate in own
            for fold in self.folds
            for path in self.generators(replicate, fold, name, ".history.csv")
        ]

    def shown_arrays(self, synthesizer: str) -> list[str]:
        """Return the first fold's samples and progress, which stand for all in pictures."""
        fold = self.folds[0]
        progress = self.generators(1, fold, synthesizer, ".progress.npz")
        return [*self.samples(1, fold, [synthesizer]), *progress]

    def drawn_from(self) -> list[str]:
        """Return every file that figures and report read."""
        files = [*self.data(), *self.arm_histories()]
        files += [self.rois(1, part) for part in self.folds]
        for name in self.settings.used_synthesizers:
            files += [*self.synthesizer_histories(name), *self.shown_arrays(name)]
        return files

    def each_fold(self, pattern: str) -> list[str]:
        """Return a file of every replicate and fold; `pattern` begins below its folder."""
        return [
            f"{self.fold_folder(replicate, fold)}/{pattern}"
            for replicate in self.replicates
            for fold in self.folds
        ]

    # Recipes -------------------------------------------------------------------------------

    def arm_recipes(self, name: str) -> dict[str, dict[str, Any]]:
        """Return an arm's recipe by its name, as plain values without its budget."""
        return {name: self.settings.arms[name].model_dump(exclude={"budget"})}

    def curve_recipes(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the recipes of a curve's points by size."""
        sizes = self.settings.curves[name].sizes
        return {
            str(size): arm.model_dump(exclude={"budget"})
            for size, arm in zip(sizes, self.curve_arms(name), strict=True)
        }

    def curve_arms(self, name: str) -> list[Arm]:
        """Return the recipes of a curve's points, in the order of its sizes."""
        curve = self.settings.curves[name]
        if curve.vary == "classic":
            return [Arm(classic=size, budget=curve.budget) for size in curve.sizes]
        return [
            Arm(classic=curve.classic, synthetic={curve.vary: size}, budget=curve.budget)
            for size in curve.sizes
        ]

    def arm_budget(self, name: str) -> dict[str, Any]:
        """Return how long an arm trains."""
        return self._budget(self.settings.arms[name].budget)

    def curve_budget(self, name: str) -> dict[str, Any]:
        """Return how long each point of a curve trains."""
        return self._budget(self.settings.curves[name].budget)

    def _budget(self, own: Budget | None) -> dict[str, Any]:
        return (own or self.settings.classifier.budget).model_dump(exclude_none=True)

    def samples_drawn(self, name: str) -> int:
        """Return how many images of each class a fold's synthesizer draws."""
        return self.settings.synthesizers[name].samples * (len(self.folds) - 1)

    def classifier_values(self) -> dict[str, Any]:
        """Return the classifier's settings but for its budget, which the arm decides."""
        return self.settings.classifier.model_dump(exclude={"budget"})

    def synthesizer_values(self, name: str) -> dict[str, Any]:
        """Return a synthesizer's settings as plain values."""
        return self.settings.synthesizers[name].model_dump(exclude={"jobs", "samples"})

    def reach(self) -> dict[str, Any]:
        """Return what decides how far a variant reaches around a lesion."""
        keys = {"translation_pixels", "translation_share", "scale_range"}
        return self.settings.classic.model_dump(include=keys)

    def arm_synthesizers(self, name: str) -> list[str]:
        """Return the synthesizers that an arm draws on."""
        return list(self.settings.arms[name].synthetic)

    def curve_synthesizers(self, name: str) -> list[str]:
        """Return the synthesizers that a curve draws on."""
        vary = self.settings.curves[name].vary
        return [] if vary == "classic" else [vary]

    def embedding_arms(self) -> list[str]:
        """Return the two arms of the t-SNE picture, or none."""
        if self.settings.embedding.arms:
            return list(self.settings.embedding.arms)
        if self.settings.contrasts:
            return list(reversed(contrast_arms(self.settings.contrasts[0])))
        return []

    def embedding_networks(self) -> list[str]:
        """Return the networks of the t-SNE picture: replicate 1, the first fold."""
        folder = self.fold_folder(1, self.folds[0])
        return [f"{folder}/arms/{arm}.pt" for arm in self.embedding_arms()]

    def each_training(self, suffix: str) -> list[str]:
        """Return what lies beside every network of the study: `.json`, `.history.csv`."""
        files: dict[str, None] = {}
        for replicate in self.replicates:
            for fold in self.folds:
                for name in self.settings.used_synthesizers:
                    own = self.synthesizer_replicate(replicate)
                    files |= dict.fromkeys(self.generators(own, fold, name, suffix))
                networks = self.networks(replicate, fold)
                files |= dict.fromkeys(path.removesuffix(".pt") + suffix for path in networks)
        return list(files)

    # For Snakemake -------------------------------------------------------------------------

    @staticmethod
    def code(*modules: str) -> str:
        """Return the hash of the code that a rule stands on."""
        return source_hash(*modules)

    @staticmethod
    def one_of(names: Iterable[str]) -> str:
        """Return a regular expression that matches exactly these names."""
        return "|".join(re.escape(name) for name in names) or "(?!)"

    # Checks that need both settings and lesions --------------------------------------------

    def problems(self) -> list[str]:
        """Return where the settings do not fit the lesions, a line each."""
        return [*self._class_problems(), *self._size_problems(), *self._fold_problems()]

    def _class_problems(self) -> Iterable[str]:
        for name, arm in self.settings.arms.items():
            for synthesizer, wanted in arm.synthetic.items():
                for label in wanted if isinstance(wanted, Mapping) else ():
                    if label not in self.classes:
                        yield (
                            f"arms.{name}.synthetic.{synthesizer}: unknown class '{label}'"
                            f"{hint(label, self.classes)}"
                        )

    def _size_problems(self) -> Iterable[str]:
        available = self.settings.classic.number
        smallest = min(
            (
                len(self.part(replicate, fold))
                for replicate in self.replicates
                for fold in self.folds
            ),
            default=0,
        )
        sizes = {f"arms.{name}.classic": arm.classic for name, arm in self.settings.arms.items()}
        for name, synthesizer in self.settings.used_synthesizers.items():
            sizes[f"synthesizers.{name}.classic"] = synthesizer.classic
        for name, curve in self.settings.curves.items():
            own = curve.sizes if curve.vary == "classic" else [curve.classic]
            sizes[f"curves.{name}"] = max(own, default=0)
        for key, size in sizes.items():
            if size != "all" and size > smallest * available:
                yield (
                    f"{key}: {size} variants per fold are more than the {smallest} lesions of "
                    f"the smallest fold can give ({available} each, {smallest * available}); "
                    "ask for fewer, or raise classic.rotations"
                )

    def _fold_problems(self) -> Iterable[str]:
        if not self.is_phantom:
            return  # the check of the lesion table tells it, by row
        for label in self.classes:
            patients = {lesion.patient_id for lesion in self.lesions if lesion.label == label}
            if len(patients) < self.settings.folds.number:
                yield (
                    f"class '{label}' has lesions of {len(patients)} patients, fewer than the "
                    f"{self.settings.folds.number} folds: a fold would be without it; lower "
                    "folds.number or raise cohort.phantom.classes"
                )


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


def lesion_values(lesion: Lesion) -> dict[str, Any]:
    """Return a lesion as plain values, without its line in the table and what it carries along."""
    values = asdict(lesion)
    del values["row"], values["extra"]
    values["image"] = lesion.image.as_posix()
    values["mask"] = None if lesion.mask is None else lesion.mask.as_posix()
    return values


def lesion_of(values: Mapping[str, Any]) -> Lesion:
    """Return the lesion of plain values."""
    mask = values["mask"]
    box = values["box"]
    places = {
        "image": Path(values["image"]),
        "mask": None if mask is None else Path(mask),
        "box": None if box is None else tuple(box),
    }
    return Lesion(**{**values, **places}, extra={}, row=0)
