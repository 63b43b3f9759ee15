"""What each job asks of a cluster: memory and run time, from the settings.

Measured on the studies of docs/results (`benchmarks/needs.py` holds both against each other) and
rounded up: a job that asks for too little is killed, one that asks for too much waits.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from augtrial.machine import Machine
from augtrial.recipes import Recipes
from augtrial.replicate import Replicate
from augtrial.settings import Arm
from augtrial.study import ALL, Study, Which
from augtrial.work import (
    JOB_SECONDS,
    Training,
    arm_images,
    classifier_training,
    classifier_weights,
    synthesizer_images,
    synthesizer_training,
    synthesizer_units,
    synthesizer_weights,
)

# MB of a job of SLURM beside its script: two Snakemakes, of 130 MB each.
AROUND = 300
# MB of a job once its script's packages are there: without PyTorch, with it, and with a GPU's
# context.
PLAIN, TORCH, CUDA = AROUND + 250, AROUND + 850, AROUND + 3200
LARGEST_SCAN = 1500  # MB for a CT series of some hundred slices while it is read
PREDICTION = (
    1e-3  # MB of a prediction while tables are made of it (docs/benchmarks.md, all tables: 0.7 kB)
)
SLOW = 4  # times the plan's estimate, which is right within a factor of two or three
LEAST_MINUTES = 15


class Needs:
    """Memory (MB) and run time (minutes) of the study's jobs."""

    def __init__(self, study: Study) -> None:
        """Read a study's settings."""
        self.study, self.settings = study, study.settings
        self.recipes = Recipes(study)
        self.torch = CUDA if self.recipes.gpus else TORCH
        self.machine = Machine(cores=1, gpus=self.recipes.gpus)

    # Memory --------------------------------------------------------------------------------

    def reading(self) -> int:
        """Return what reading pictures and cutting a part's ROIs takes."""
        return PLAIN + (0 if self.study.is_phantom else LARGEST_SCAN)

    def variants(self) -> int:
        """Return what cutting variants takes: those of one lesion at a time, as float32."""
        return PLAIN + self._mb(self.settings.classic.number * 2, np.float32)

    def classifiers(self, replicate: Which, arms: Sequence[str], curves: Sequence[str] = ()) -> int:
        """Return what training these arms, and the points of curves, one by one takes."""
        own = Replicate.parse(replicate)
        sets = [self.recipes.arm(name, own) for name in arms]
        sets += [point for name in curves for point in self.recipes.curve_arms(name)]
        return self._classifiers(sets, own)

    def synthesizers(self, replicate: Which, names: Sequence[str]) -> int:
        """Return what training these synthesizers one by one takes."""
        most = max(self._synthesizer(name, replicate) for name in names)
        drawn = 0
        if self.settings.jobs == "fold":  # such a job draws the samples as well
            drawn = max(map(self.recipes.samples_drawn, names)) * len(self.study.classes)
        return most + self._mb(3 * drawn)

    def _synthesizer(self, name: str, replicate: Which) -> int:
        settings = self.settings.synthesizers[name]
        images = synthesizer_images(self.study, name, Replicate.parse(replicate))
        # Each layer's maps have twice the channels and a quarter of the pixels of the one before.
        maps = sum(
            (4 * 2**place) ** 2 * width
            for widths in (settings.generator_channels, settings.discriminator_channels[::-1])
            for place, width in enumerate(widths)
        )
        activations = 4 * 4 * 3 * settings.batch * maps
        weights = 4 * 8 * sum(synthesizer_weights(settings))
        # On the CPU a layer's 25 taps are known by 121 points while it is used (`winograd`).
        at_points = 4 * 121 * max(a * b for a, b in pairwise(settings.generator_channels))
        numbers = activations + weights + at_points
        return self.torch + self._mb(3 * images) + round(numbers / 1e6)

    def samples(self, name: str) -> int:
        """Return what drawing a synthesizer's images for a fold takes."""
        images = self.recipes.samples_drawn(name) * len(self.study.classes)
        weights = sum(synthesizer_weights(self.settings.synthesizers[name]))
        return self.torch + self._mb(3 * images) + round(16 * weights / 1e6)

    def looking(self) -> int:
        """Return what predicting, embedding and appraising take."""
        settings, folds = self.settings, len(self.study.folds)
        samples = sum(map(self.recipes.samples_drawn, settings.used_synthesizers))
        images = samples * len(self.study.classes) * folds
        return TORCH + 200 + self._mb(images) + self._mb(len(self.study.lesions) * 20, np.float32)

    def tables(self) -> int:
        """Return what making all tables of the predictions takes."""
        settings = self.settings
        networks = len(settings.arms) * (1 + len(settings.classifier.stops))
        networks += sum(len(self.recipes.curve_arms(name)) for name in settings.curves)
        networks += len(settings.subset_arms) * (len(self.study.shares) - 1)
        rows = len(self.study.lesions) * len(self.study.replicates) * networks
        return PLAIN + ceil(rows * PREDICTION)

    def _classifiers(self, arms: list[Arm], replicate: Replicate) -> int:
        settings, side, maps = self.settings.classifier, self.settings.roi.size, 0
        images = max(arm_images(self.study, arm, replicate) for arm in arms)
        for width in settings.channels:
            maps += (side - 2) ** 2 * width
            side = (side - 2) // 2
        activations = 4 * 3 * settings.batch * maps
        kept = 4 * classifier_weights(self.study) * (6 + len(settings.stops))
        return self.torch + self._mb(4 * images) + round((activations + kept) / 1e6)

    def _mb(self, images: float, kind: type = np.uint8) -> int:
        return ceil(images * self.settings.roi.size**2 * np.dtype(kind).itemsize / 1e6)

    # Run time ------------------------------------------------------------------------------

    def classifiers_minutes(
        self, replicate: Which, arms: Sequence[str], curves: Sequence[str] = ()
    ) -> int:
        """Return the minutes in which these arms and curves are surely trained."""
        own = Replicate.parse(replicate)
        sets = [(name, self.recipes.arm(name, own)) for name in arms]
        sets += [(name, point) for name in curves for point in self.recipes.curve_arms(name)]
        return self._minutes(classifier_training(self.study, *item, own) for item in sets)

    def synthesizers_minutes(self, replicate: Which, names: Sequence[str], scope: str = ALL) -> int:
        """Return the minutes in which a scope of these synthesizers is surely trained."""
        own = Replicate.parse(replicate)
        trainings = []
        for name in names:
            units = synthesizer_units(self.study, name) if scope == ALL else 1
            trainings += [synthesizer_training(self.study, name, own)] * units
        return self._minutes(trainings)

    def _minutes(self, trainings: Iterable[Training]) -> int:
        seconds = JOB_SECONDS + sum(training.seconds(self.machine) for training in trainings)
        return max(LEAST_MINUTES, ceil(SLOW * seconds / 60))
