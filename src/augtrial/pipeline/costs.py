"""Costs: what the trainings and jobs of a study take, in work, time, memory and cores.

The time of a training is its multiply-adds by a rate: a guess to choose a machine by, right within
a factor of two or three. Memory was measured on the studies of docs/results (`benchmarks/memory.py`
holds both against each other) and rounded up: a job that asks for too little is killed, one that
asks for too much waits.
"""

import heapq
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from augtrial.config.arms import Arm
from augtrial.core.cost import Cost
from augtrial.core.names import FEATURES
from augtrial.core.replicate import Replicate
from augtrial.imaging.training_set import synthetic_count
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.study import Study, Which

# Multiply-adds a second that these networks reach (docs/benchmarks.md has measured ones), the
# least time of an update whatever its size, and what a job costs before it begins.
CPU_RATE, GPU_RATE = 15e9, 2e13
CPU_UPDATE, GPU_UPDATE = 0.002, 0.002
JOB_SECONDS = 4.0

# MB of a job of SLURM beside its script: two Snakemakes, of 130 MB each.
AROUND = 300
# MB of a job once its script's packages are there: without PyTorch, with it, and with a GPU's
# context; and of each further process that trains beside it, without what they share.
PLAIN, TORCH, CUDA, PROCESS = AROUND + 250, AROUND + 850, AROUND + 3200, 250
LARGEST_SCAN = 1500  # MB for a CT series of some hundred slices while it is read
PREDICTION = 1e-3  # MB of a prediction while tables are made of it (docs/benchmarks.md: 0.7 kB)
SLOW = 4  # times the estimate, which is right within a factor of two or three
LEAST_MINUTES = 15


@dataclass(frozen=True)
class Training(Cost):
    """The training of one network of this cost: its updates, and the images that it learns from."""

    name: str
    updates: int
    images: int

    def seconds(self, machine: Machine) -> float:
        """Return about how long it takes there, without the start of its job."""
        rate, least = (GPU_RATE, GPU_UPDATE) if machine.gpus else (CPU_RATE, CPU_UPDATE)
        return self.updates * max(least, self.multiply_adds / rate)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Return when trainings end of which each worker takes the next that nobody has begun."""
    ends = [0.0] * workers
    for took in seconds:
        heapq.heapreplace(ends, ends[0] + took)
    return max(ends)


class Costs:
    """The trainings of a study, and what its jobs ask of a machine.

    `cores` are those that its jobs share; None in a job's own process, which has what it was given.
    """

    def __init__(self, study: Study, cores: int | None = 1) -> None:
        self.study, self.settings, self.cores = study, study.settings, cores
        self.job_params = JobParams(study)
        self.torch = CUDA if self.job_params.gpus else TORCH
        self.machine = Machine(cores=1, gpus=self.job_params.gpus)

    # Trainings -----------------------------------------------------------------------------

    def synthesizer_trainings(self, name: str, replicate: Which) -> list[Training]:
        """Return the trainings of a synthesizer's networks in a fold."""
        kind, settings = self.study.synthesizer_kind(name), self.settings.synthesizers[name]
        share = Replicate.parse(replicate)
        whole = self._originals(share)
        if isinstance(settings.classic, int):
            whole += share.scale(settings.classic) * (len(self.study.folds) - 1)
        trainings = []
        for labels in kind.networks(self.study.classes).values():
            images = round(whole * len(labels) / len(self.study.classes))
            cost = kind.cost(settings, classes=len(labels), size=self.settings.roi.size)
            updates = kind.updates(settings, images)
            trainings.append(Training(**vars(cost), name=name, updates=updates, images=images))
        return trainings

    def network_trainings(self, replicate: Which) -> list[Training]:
        """Return the trainings of a fold's arms and curves."""
        share = Replicate.parse(replicate)
        recipes = self.job_params.recipes(share).items()
        return [self._network_training(name, arm, share) for name, arm in recipes]

    def _network_training(self, name: str, arm: Arm, replicate: Replicate) -> Training:
        """Return the training of one network on an arm's images."""
        classifier, task = self.settings.classifier, self.study.task
        cost = task.cost(classifier, classes=len(self.study.classes), size=self.settings.roi.size)
        images = self.arm_images(arm, replicate)
        updates = task.updates(classifier, arm.budget or classifier.budget, images)
        return Training(**vars(cost), name=name, updates=updates, images=images)

    def all_synthesizer_trainings(self) -> Iterator[Training]:
        """Yield every network of a synthesizer that the study trains."""
        shared = 1 if self.settings.share_synthesizer else self.settings.replicates
        for share in self.study.shares:
            replicate = Replicate(1, share)
            for name in self.job_params.synthesizers(replicate):
                trainings = self.synthesizer_trainings(name, replicate)
                yield from trainings * (shared * len(self.study.folds))

    def feature_training(self) -> Training:
        """Return the training of the classifier whose features judge fitness."""
        return self._network_training(FEATURES, self.settings.fitness_arm, Replicate(1))

    def all_second_trainings(self) -> Iterator[Training]:
        """Yield every network that the study trains to judge the fitness of synthesizers."""
        names = self.job_params.second_synthesizers()
        jobs = len(self.study.synthesizer_replicates) * len(self.study.folds)
        for name in names:
            yield from self.synthesizer_trainings(name, 1) * jobs
        if names:
            yield from [self.feature_training()] * jobs

    def all_network_trainings(self) -> Iterator[Training]:
        """Yield every network of an arm or a curve that the study trains."""
        jobs = self.settings.replicates * len(self.study.folds)
        for share in self.study.shares:
            yield from self.network_trainings(Replicate(1, share)) * jobs

    def arm_images(self, arm: Arm, replicate: Replicate) -> int:
        """Return about how many images an arm's training set has in a fold."""
        parts, originals = len(self.study.folds) - 1, self._originals(replicate)
        classic = self.settings.classic.number * originals / parts
        if arm.classic != "all":
            classic = arm.classic if isinstance(arm.classic, int) else 0
        added = (arm.extra_classic + arm.oracle + arm.duplicates) * len(self.study.classes)
        for name in arm.synthetic:
            added += sum(synthetic_count(arm, name, label) for label in self.study.classes)
        return round((originals if arm.originals else 0) + (classic + added) * parts)

    def _originals(self, replicate: Replicate) -> float:
        """Return about how many lesions a fold is trained with."""
        folds = len(self.study.folds)
        return len(self.study.lesions) * replicate.share / 100 * (folds - 1) / folds

    # Cores ---------------------------------------------------------------------------------

    def synthesizer_threads(self, replicate: Which, fold: int | str, name: str) -> int:
        """Return how many of a synthesizer's networks train at the same time in a fold."""
        share, study = Replicate.parse(replicate).share, self.study
        replicates = {study.synthesizer_replicate(Replicate(n, share)) for n in study.replicates}
        names = self.job_params.synthesizers(replicate)
        jobs = list(itertools.product(sorted(map(str, replicates)), study.folds, names))
        trainings = {each: self.synthesizer_trainings(each, replicate) for each in names}
        counts = self.workers([trainings[each] for *_, each in jobs])
        return counts[jobs.index((str(replicate), int(fold), name))]

    def network_threads(self, replicate: Which, fold: int | str) -> int:
        """Return how many of a fold's arms and curves train at the same time."""
        number, trainings = Replicate.parse(replicate).number, self.network_trainings(replicate)
        jobs = list(itertools.product(self.study.replicates, self.study.folds))
        return self.workers([trainings] * len(jobs))[jobs.index((number, int(fold)))]

    def workers(self, jobs: Sequence[Sequence[Training]]) -> list[int]:
        """Return how many networks each of some jobs trains at the same time, on a CPU.

        Of more jobs than cores all train as many as let the last one end earliest. Cores that would
        have no job go to those that would take the longest.
        """
        if self.cores is None:
            return [min(len(job), len(os.sched_getaffinity(0))) for job in jobs]
        counts, cores = [1] * len(jobs), self.cores
        if self.job_params.gpus and self.settings.device != "auto":
            return counts
        cpu = Machine(cores=1, gpus=0)
        seconds = [[training.seconds(cpu) for training in job] for job in jobs]

        def end(count: int) -> tuple[float, int]:
            rounds = ceil(len(jobs) / (cores // count))
            slowest = max(makespan(job, count) for job in seconds)
            return round(rounds * slowest, 3), count  # of equal ends the fewest

        if len(jobs) > cores > 0:
            best = min(range(1, cores + 1), key=end)
            return [min(best, len(job)) for job in jobs]

        def left(job: int) -> float:
            return makespan(seconds[job], counts[job]) if counts[job] < len(jobs[job]) else 0.0

        for _ in range(len(jobs), cores):
            longest = max(range(len(jobs)), key=left)
            if left(longest) == 0:
                break
            counts[longest] += 1
        return counts

    # Memory --------------------------------------------------------------------------------

    def reading_mb(self) -> int:
        """Return what reading pictures and cutting a part's ROIs takes."""
        return PLAIN + (0 if self.study.is_phantom else LARGEST_SCAN)

    def variants_mb(self) -> int:
        """Return what cutting variants takes: those of one lesion at a time, as float32."""
        return PLAIN + self._images_mb(self.settings.classic.number * 2, np.float32)

    def networks_mb(self, replicate: Which, workers: int = 1) -> int:
        """Return what training a fold's arms and curves takes."""
        kept = 6 + len(self.settings.classifier.eval_updates)  # copies of the weights
        return self._training_mb(self.network_trainings(replicate), kept, 4, workers)

    def synthesizer_mb(self, name: str, replicate: Which, workers: int = 1) -> int:
        """Return what training a synthesizer in a fold, and drawing its samples, takes."""
        trainings = self.synthesizer_trainings(name, replicate)
        drawn = self.job_params.samples_drawn(name, replicate) * len(self.study.classes)
        return self._training_mb(trainings, 8, 3, workers) + self._images_mb(3 * drawn)

    def _training_mb(
        self, trainings: Iterable[Training], weights: int, images: int, workers: int
    ) -> int:
        """Return what trainings take, with so many copies of weights and of images each."""
        largest = max(
            round(4 * (training.activations + weights * training.weights) / 1e6)
            + self._images_mb(images * training.images)
            for training in trainings
        )
        return self.torch + workers * largest + (workers - 1) * PROCESS

    def looking_mb(self) -> int:
        """Return what predicting, embedding and appraising take."""
        samples = sum(map(self.job_params.samples_drawn, self.settings.used_synthesizers))
        images = samples * len(self.study.classes) * len(self.study.folds)
        held_out = self._images_mb(len(self.study.lesions) * 20, np.float32)
        networks = 4 * sum(t.weights for t in self.network_trainings(1))
        networks *= 1 + len(self.settings.classifier.eval_updates)
        return TORCH + 200 + self._images_mb(images) + held_out + round(networks / 1e6)

    def tables_mb(self) -> int:
        """Return what making all tables of the predictions takes."""
        settings = self.settings
        networks = len(settings.arms) * (1 + len(settings.classifier.eval_updates))
        networks += sum(len(curve.sizes) for curve in settings.curves.values())
        networks += len(settings.subset_arms) * (len(self.study.shares) - 1)
        rows = len(self.study.lesions) * len(self.study.replicates) * networks
        return PLAIN + ceil(rows * PREDICTION)

    def _images_mb(self, images: float, kind: type = np.uint8) -> int:
        return ceil(images * self.settings.roi.size**2 * np.dtype(kind).itemsize / 1e6)

    # Run time ------------------------------------------------------------------------------

    def minutes(self, trainings: Iterable[Training]) -> int:
        """Return the minutes in which a job has surely trained these networks."""
        seconds = JOB_SECONDS + sum(training.seconds(self.machine) for training in trainings)
        return max(LEAST_MINUTES, ceil(SLOW * seconds / 60))

    # Disk ----------------------------------------------------------------------------------

    def disk_bytes(self) -> float:
        """Return about how much the study writes: variants, samples, networks, cohort."""
        settings, pixels = self.settings, self.settings.roi.size**2
        lesions = len(self.study.lesions)
        # Subsets have variants, samples and networks of their own.
        runs = settings.replicates * sum(self.study.shares) / 100
        variants = lesions * settings.classic.number * pixels * runs
        names = self.job_params.synthesizers(1)
        samples = sum(map(self.job_params.samples_drawn, names)) * len(self.study.classes)
        evaluated = 1 + len(settings.classifier.eval_updates)
        weights = sum(t.weights for name in names for t in self.synthesizer_trainings(name, 1))
        weights += sum(t.weights for t in self.network_trainings(1)) * evaluated
        jobs = runs * len(self.study.folds)
        cohort = lesions * 2.2e6 if self.study.is_phantom else 0
        # Each network stands there twice: its checkpoint is kept.
        return variants + jobs * (samples * pixels + 8 * weights) + lesions * 2e5 + cohort
