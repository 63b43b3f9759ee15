"""Paths: where a study's files are, what each job reads and writes."""

import itertools
from collections.abc import Iterable

from augtrial.core.names import ONLINE, ORACLE
from augtrial.core.replicate import Replicate
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.study import Study, Which

# The tables that `compare_arms` makes of the predictions.
COMPARED = (
    *("endpoints", "contrasts", "verdicts", "secondary", "sensitivity", "training", "fitness"),
    *(
        "confusion",
        "calibration",
        "reliability",
        "roc",
        "curve",
        "updates",
        "subsets",
        "subset_contrasts",
    ),
)


class Paths:
    """The files of a study, relative to the folder in which Snakemake runs."""

    def __init__(self, study: Study) -> None:
        self.study, self.job_params = study, JobParams(study)

    def part_folder(self, replicate: Which, part: int | str) -> str:
        """Return where a part's variants are; each replicate draws its own."""
        return f"{self.study.root}/replicate{replicate}/part{part}"

    def rois(self, replicate: Which, part: int | str, name: str = "rois.npz") -> str:
        """Return a part's ROIs; replicates with one split share them."""
        return f"{self.part_folder(self.study.split_of(replicate), part)}/{name}"

    def training_rois(self, replicate: Which, fold: int | str, name: str = "rois.npz") -> list[str]:
        """Return the ROIs of a fold's training parts, or their tables."""
        return [self.rois(replicate, part, name) for part in self.study.training_parts(fold)]

    def training_variants(self, replicate: Which, fold: int | str) -> list[str]:
        """Return the variants of a fold's training parts."""
        return [self.variants(replicate, part) for part in self.study.training_parts(fold)]

    def fold_folder(self, replicate: Which, fold: int | str) -> str:
        """Return where a fold's networks are."""
        return f"{self.study.root}/replicate{replicate}/fold{fold}"

    def synthesizer(
        self, replicate: Which, fold: int | str, name: str, file: str = "networks.pt"
    ) -> str:
        """Return a file of a synthesizer's training in a fold."""
        return f"{self.fold_folder(replicate, fold)}/{name}/{file}"

    def used_networks(self, replicate: Which, fold: int | str, name: str) -> list[str]:
        """Return the networks of the synthesizers that a synthesizer uses."""
        names = self.job_params.used_by(name)
        return [self.synthesizer(replicate, fold, used) for used in names]

    def second_synthesizer(
        self, replicate: Which, fold: int | str, name: str, file: str = "networks.pt"
    ) -> str:
        """Return a file of the second network by which a synthesizer's fitness is judged."""
        return f"{self.fold_folder(replicate, fold)}/fitness/{name}/{file}"

    def second_used_networks(self, replicate: Which, fold: int | str, name: str) -> list[str]:
        """Return the second networks of the synthesizers that a synthesizer uses."""
        names = self.job_params.used_by(name)
        return [self.second_synthesizer(replicate, fold, used) for used in names]

    def second_samples(self, replicate: Which) -> list[str]:
        """Return the samples by which fitness is judged, fold by fold."""
        return [
            self.second_synthesizer(replicate, fold, name, "samples.npz")
            for fold in self.study.folds
            for name in self.job_params.judged_synthesizers()
        ]

    def feature_networks(self, replicate: Which) -> list[str]:
        """Return the classifiers whose features judge fitness, fold by fold."""
        return [
            f"{self.fold_folder(replicate, f)}/fitness/classifiers.pt" for f in self.study.folds
        ]

    def fitness(self) -> list[str]:
        """Return the measures of fitness of every replicate whose synthesizers are used."""
        if not self.job_params.judged_synthesizers():
            return []
        return self.each_replicate("fitness.csv", self.study.synthesizer_replicates)

    def samples(self, replicate: Which, fold: int | str, names: Iterable[str]) -> list[str]:
        """Return the samples of these synthesizers for a fold."""
        folder = self.fold_folder(self.study.synthesizer_replicate(replicate), fold)
        return [f"{folder}/{name}/samples.npz" for name in names]

    def training_samples(self, replicate: Which, fold: int | str) -> dict[str, str]:
        """Return the files of samples that a fold's networks take, and whose images each holds."""
        settings = self.study.settings
        arms = [settings.arms[name] for name in self.job_params.arms(replicate)]
        names = [name for arm in arms for name in arm.synthetic]
        varied = [settings.curves[name].vary for name in self.job_params.curves(replicate)]
        names += [name for name in varied if name != "classic"]
        files = dict(zip(self.samples(replicate, fold, names), names, strict=True))
        if any(arm.oracle for arm in arms):
            parts, whole = self.study.training_parts(fold), Replicate.parse(replicate).number
            files |= {f"{self.part_folder(whole, part)}/oracle.npz": ORACLE for part in parts}
        return files

    def transformed(self, replicate: Which, fold: int | str) -> dict[str, str]:
        """Return the files of transformed variants, part by part, and whose arm each is for."""
        return {
            f"{self.part_folder(replicate, part)}/transformed/{arm}.npy": arm
            for arm in self.job_params.arms(replicate)
            if self.study.settings.arms[arm].transforms
            for part in self.study.training_parts(fold)
        }

    def training_images(self) -> list[str]:
        """Return the files that the arms' training sets are made of, and the held-out ROIs."""
        files: list[str] = []
        for replicate, fold in itertools.product(self.study.replicates, self.study.folds):
            files += [self.held_out(replicate, fold, name) for name in ("rois.npz", "rois.csv")]
            files += self.training_variants(replicate, fold)
            files += self.training_samples(replicate, fold)
            files += self.transformed(replicate, fold)
        return list(dict.fromkeys(files))

    def on_the_fly_contexts(self, replicate: Which, fold: int | str) -> list[str]:
        """Return the surroundings that variants are drawn from at every draw, where an arm asks."""
        arms = [self.study.settings.arms[name] for name in self.job_params.arms(replicate)]
        drawn = any(arm.classic == ONLINE for arm in arms)
        return self.training_rois(replicate, fold, "contexts.npz") if drawn else []

    def synthesizer_contexts(self, replicate: Which, fold: int | str, name: str) -> list[str]:
        """Return the surroundings that a synthesizer's variants are made from on the fly."""
        drawn = self.study.settings.synthesizers[name].classic == ONLINE
        return self.training_rois(replicate, fold, "contexts.npz") if drawn else []

    def networks(self, replicate: Which, fold: int | str, suffix: str = ".pt") -> str:
        """Return the file of a fold's classifiers, or one beside it: .history.csv, .json."""
        return f"{self.fold_folder(replicate, fold)}/classifiers{suffix}"

    def replicate_networks(self, replicate: Which) -> list[str]:
        """Return the files of a replicate's classifiers, fold by fold."""
        return [self.networks(replicate, fold) for fold in self.study.folds]

    def held_out(self, replicate: Which, fold: int | str, name: str = "rois.npz") -> str:
        """Return the ROIs that a fold holds out: all of them, whatever share it trains with."""
        return self.rois(Replicate.parse(replicate).number, fold, name)

    @property
    def checkpoints(self) -> str:
        """The folder of what killed trainings go on from; no rule declares it."""
        return f"{self.study.root}/.checkpoints"

    def each_replicate(self, name: str, replicates: Iterable[Which] | None = None) -> list[str]:
        """Return a file of every replicate."""
        replicates = self.study.replicates if replicates is None else replicates
        return [f"{self.study.root}/replicate{replicate}/{name}" for replicate in replicates]

    def variants(self, replicate: Which, part: int | str) -> str:
        """Return a part's variants."""
        return f"{self.part_folder(replicate, part)}/variants.npy"

    def all_samples(self, replicate: Which) -> list[str]:
        """Return the samples of every appraised synthesizer, fold by fold."""
        names = self.study.settings.appraised_synthesizers
        return [path for fold in self.study.folds for path in self.samples(replicate, fold, names)]

    def arm_predictions(self) -> list[str]:
        """Return the predictions of all arms, of networks and of baselines."""
        kinds = ["arms", "baselines"] if self.study.settings.baselines else ["arms"]
        return [path for k in kinds for path in self.each_replicate(f"predictions_{k}.csv")]

    def appraisals(self, suffix: str = ".csv") -> list[str]:
        """Return the appraisals of the synthesizers' samples; none if nothing is appraised."""
        if not self.study.settings.appraised_synthesizers:
            return []
        return self.each_replicate(f"fidelity{suffix}", self.study.synthesizer_replicates)

    def histories(self) -> list[str]:
        """Return the histories of the study's classifiers, fold by fold."""
        jobs = itertools.product(self.study.replicates, self.study.folds)
        return [self.networks(replicate, fold, ".history.csv") for replicate, fold in jobs]

    def records(self) -> list[str]:
        """Return the record of every training of the study, each once."""
        files: dict[str, None] = {}
        replicates: list[Which] = [*self.study.replicates, *self.study.subset_replicates]
        for replicate, fold in itertools.product(replicates, self.study.folds):
            trained = self.study.synthesizer_replicate(replicate)
            for name in self.job_params.synthesizers(replicate):
                files[self.synthesizer(trained, fold, name, "networks.json")] = None
            files[self.networks(replicate, fold, ".json")] = None
        if self.job_params.judged_synthesizers():
            which = itertools.product(self.study.synthesizer_replicates, self.study.folds)
            for replicate, fold in which:
                for name in self.job_params.second_synthesizers():
                    file = self.second_synthesizer(replicate, fold, name, "networks.json")
                    files[file] = None
        return list(files)

    def data(self) -> list[str]:
        """Return the tables and the record that figures and report are made from."""
        names = ["rois.csv", "folds.csv", "study.json", "predictions.csv"]
        names += ["predictions_curve.csv", "predictions_updates.csv", "predictions_subsets.csv"]
        others = ["fidelity", "fidelity_means", "embedding", "embedding_neighbours"]
        names += [f"tables/{name}.csv" for name in (*COMPARED, *others)]
        return [f"{self.study.root}/{name}" for name in names]
