"""Where a study's files are: what each job reads and writes."""

from collections.abc import Iterable, Sequence

from augtrial.recipes import Recipes
from augtrial.replicate import Replicate
from augtrial.study import Study, Which
from augtrial.trainingset import ORACLE


class Places:
    """The files of a study, relative to the folder in which Snakemake runs."""

    def __init__(self, study: Study) -> None:
        """Name the files of a study."""
        self.study, self.recipes = study, Recipes(study)

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
        parts = self.study.training_parts(fold)
        return [self.variants(replicate, part) for part in parts]

    def fold_folder(self, replicate: Which, fold: int | str) -> str:
        """Return where a fold's networks are."""
        return f"{self.study.root}/replicate{replicate}/fold{fold}"

    def generators(
        self, replicate: Which, fold: int | str, names: Iterable[str], suffix: str
    ) -> list[str]:
        """Return the state dicts of a fold's synthesizers (.pt), or what lies beside them."""
        folder = self.fold_folder(replicate, fold)
        return [
            f"{folder}/{name}/{scope}{suffix}"
            for name in names
            for scope in self.study.scopes(name)
        ]

    def samples(self, replicate: Which, fold: int | str, names: Iterable[str]) -> list[str]:
        """Return the samples of these synthesizers for a fold."""
        folder = self.fold_folder(self.study.synthesizer_replicate(replicate), fold)
        return [f"{folder}/{name}/samples.npz" for name in names]

    def training_samples(
        self, replicate: Which, fold: int | str, arms: Sequence[str], curves: Sequence[str] = ()
    ) -> dict[str, str]:
        """Return the files of samples that arms and curves take, and whose images each holds."""
        names = [name for arm in arms for name in self.recipes.arm_synthesizers(arm)]
        names += [name for curve in curves for name in self.recipes.curve_synthesizers(curve)]
        files = dict(zip(self.samples(replicate, fold, names), names, strict=True))
        if any(self.study.settings.arms[arm].oracle for arm in arms):
            parts, whole = self.study.training_parts(fold), Replicate.parse(replicate).number
            files |= {f"{self.part_folder(whole, part)}/oracle.npz": ORACLE for part in parts}
        return files

    def transformed(self, replicate: Which, fold: int | str, arms: Iterable[str]) -> list[str]:
        """Return the transformed variants of arms, part by part; most have none."""
        return [
            f"{self.part_folder(replicate, part)}/transformed/{arm}.npy"
            for arm in arms
            if self.study.settings.arms[arm].transforms
            for part in self.study.training_parts(fold)
        ]

    def online_contexts(self, replicate: Which, fold: int | str, arms: Iterable[str]) -> list[str]:
        """Return the surroundings that variants are drawn from at every draw, where an arm asks."""
        if all(self.study.settings.arms[arm].classic != "online" for arm in arms):
            return []
        parts = self.study.training_parts(fold)
        return [self.rois(replicate, part, "contexts.npz") for part in parts]

    def networks(self, replicate: Which, fold: int | str) -> list[str]:
        """Return the files of a fold's classifiers, in the order of their names."""
        folder = self.fold_folder(replicate, fold)
        names = self.recipes.network_names(replicate)
        return [f"{folder}/{kind}s/{name}.pt" for kind, name in names]

    def replicate_networks(self, replicate: Which) -> list[str]:
        """Return the files of a replicate's classifiers, fold by fold."""
        return [path for fold in self.study.folds for path in self.networks(replicate, fold)]

    def replicate_baselines(self, replicate: Which) -> list[str]:
        """Return the files of a replicate's baselines, fold by fold, where the study has some."""
        wanted = self.study.settings.baselines and Replicate.parse(replicate).share == 100
        folders = [self.fold_folder(replicate, fold) for fold in self.study.folds]
        return [f"{folder}/baselines.pkl" for folder in folders] if wanted else []

    def held_out(self, replicate: Which, fold: int | str, name: str = "rois.npz") -> str:
        """Return the ROIs that a fold holds out: all of them, whatever share it trains with."""
        return self.rois(Replicate.parse(replicate).number, fold, name)

    def phantom_files(self) -> list[str]:
        """Return the pictures of the built-in cohort, where it is studied."""
        if not self.study.is_phantom:
            return []
        pictures = [path for lesion in self.study.lesions for path in (lesion.image, lesion.mask)]
        return list(dict.fromkeys(path.as_posix() for path in pictures))

    @property
    def checkpoints(self) -> str:
        """The folder of what killed trainings go on from; no rule declares it."""
        return f"{self.study.root}/.checkpoints"

    def each_fold(self, pattern: str) -> list[str]:
        """Return a file of every replicate and fold; `pattern` begins below its folder."""
        return [
            f"{self.fold_folder(replicate, fold)}/{pattern}"
            for replicate in self.study.replicates
            for fold in self.study.folds
        ]

    def each_replicate(self, name: str, replicates: Iterable[Which] | None = None) -> list[str]:
        """Return a file of every replicate."""
        own = self.study.replicates if replicates is None else replicates
        return [f"{self.study.root}/replicate{replicate}/{name}" for replicate in own]

    def embedding_networks(self) -> list[str]:
        """Return the networks of the t-SNE picture: replicate 1, the first fold."""
        folder = self.fold_folder(1, self.study.folds[0])
        return [f"{folder}/arms/{arm}.pt" for arm in self.recipes.embedding_arms()]

    def variants(self, replicate: Which, part: int | str) -> str:
        """Return a part's variants."""
        return f"{self.part_folder(replicate, part)}/variants.npy"

    def all_samples(self, replicate: Which) -> list[str]:
        """Return the samples of every appraised synthesizer, fold by fold."""
        names = self.study.settings.appraised_synthesizers
        return [path for fold in self.study.folds for path in self.samples(replicate, fold, names)]

    def feature_networks(self, replicate: Which) -> list[str]:
        """Return the networks whose features synthetic images are looked at in, fold by fold."""
        arm = self.study.settings.feature_arm
        folds = self.study.folds
        return [f"{self.fold_folder(replicate, fold)}/arms/{arm}.pt" for fold in folds]

    def appraisals(self, suffix: str = ".csv") -> list[str]:
        """Return the appraisals of the synthesizers' samples; none if nothing is appraised."""
        if not self.study.settings.appraised_synthesizers:
            return []
        own = dict.fromkeys(map(self.study.synthesizer_replicate, self.study.replicates))
        return [f"{self.study.root}/replicate{replicate}/fidelity{suffix}" for replicate in own]

    def each_training(self, suffix: str) -> list[str]:
        """Return what lies beside every network of the study: `.json`, `.history.csv`."""
        files: dict[str, None] = {}
        for replicate in [*self.study.replicates, *self.study.subset_replicates]:
            used = self.recipes.synthesizers(replicate)
            for fold in self.study.folds:
                own = self.study.synthesizer_replicate(replicate)
                files |= dict.fromkeys(self.generators(own, fold, used, suffix))
                networks = self.networks(replicate, fold)
                files |= dict.fromkeys(path.removesuffix(".pt") + suffix for path in networks)
        return list(files)

    def data(self) -> list[str]:
        """Return the tables and the record that figures and report are made from."""
        names = ["rois.csv", "folds.csv", "study.json", "predictions.csv"]
        names += ["predictions_curve.csv", "predictions_stops.csv", "predictions_subsets.csv"]
        tables = ["endpoints", "contrasts", "verdicts", "secondary", "training", "confusion"]
        tables += ["calibration", "reliability", "roc", "fidelity", "fidelity_means"]
        tables += ["curve", "updates", "subsets", "subset_contrasts"]
        tables += ["embedding", "embedding_neighbours"]
        return [f"{self.study.root}/{name}" for name in names] + [
            f"{self.study.root}/tables/{name}.csv" for name in tables
        ]
