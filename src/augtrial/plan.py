"""The study in words before it runs: how many trainings, about how long, how much disk, where.

The estimate counts the multiplications of every training and divides by a rate; it is a guess
to choose a machine by, right within a factor of two or three.
"""

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from augtrial.recipes import Recipes
from augtrial.replicate import Replicate
from augtrial.settings import AcganSettings, Arm, ClassifierSettings, DcganSettings
from augtrial.study import Study
from augtrial.trainingset import synthetic_count

# Multiply-adds a second that these networks reach (docs/benchmarks.md has measured ones), the
# least time of an update whatever its size, and what a job costs before it begins.
CPU_RATE, GPU_RATE = 15e9, 2e13
CPU_UPDATE, GPU_UPDATE = 0.002, 0.002
JOB_SECONDS = 4.0


@dataclass(frozen=True)
class Machine:
    """What a study may use: cores, GPUs (0 for none), and how many jobs were counted for them."""

    cores: int
    gpus: int
    gpu_name: str = ""
    gpu_jobs: int | None = None  # None: as many as there are cores

    @classmethod
    def here(cls, *, device: str, cores: int | None, gpus: object) -> "Machine":
        """Return this machine; `cores` and `gpus` as Snakemake was told, None if it was not."""
        names = [] if device == "cpu" else _gpu_names()
        jobs = gpus if names and isinstance(gpus, int) else None
        used = len(names) if jobs is None else min(jobs, len(names))
        return cls(max(1, cores or 1), used, names[0] if names else "", jobs)

    @property
    def sharing(self) -> str:
        """What the user should know of jobs that meet on one GPU; empty where none do."""
        if not self.gpus or self.gpu_jobs == self.gpus:
            return ""
        if self.gpu_jobs is None:
            return "GPUs are shared by all jobs that run; --resources gpu=N lets N train at a time."
        return f"Up to {self.gpu_jobs} trainings share {self.gpus} GPU{'s' * (self.gpus > 1)}."


def _gpu_names() -> list[str]:
    """Return the GPUs that the driver lists; torch takes too long to ask at every start."""
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [line.split(": ", 1)[1].split(" (")[0] for line in lines]


def classifier_work(settings: ClassifierSettings, size: int, classes: int) -> int:
    """Return the multiply-adds of one image's forward pass."""
    work, before, side = 0, 1, size
    for width in settings.channels:
        side -= 2
        work += side * side * 9 * before * width
        side, before = side // 2, width
    return work + side * side * before * settings.dense + settings.dense * classes


def synthesizer_work(settings: DcganSettings | AcganSettings) -> tuple[int, int]:
    """Return the multiply-adds of one image's forward pass in generator and discriminator."""
    area, side = settings.kernel**2, 4
    generator = settings.latent * 16 * settings.generator_channels[0]
    for before, after in zip(
        settings.generator_channels, [*settings.generator_channels[1:], 1], strict=True
    ):
        generator += side * side * area * before * after
        side *= 2
    discriminator, before = 0, 1
    for width in settings.discriminator_channels:
        side //= 2
        discriminator += side * side * area * before * width
        before = width
    return generator, discriminator


@dataclass(frozen=True)
class Training:
    """A kind of training job: its name, updates and multiply-adds an update."""

    name: str
    updates: int
    work: float

    def seconds(self, machine: Machine) -> float:
        """Return about how long it takes there, its start included."""
        rate, least = (GPU_RATE, GPU_UPDATE) if machine.gpus else (CPU_RATE, CPU_UPDATE)
        return JOB_SECONDS + self.updates * max(least, self.work / rate)


def trainings(study: Study) -> Iterator[Training]:
    """Yield every network that the study trains."""
    for share in study.shares:
        yield from _trainings(study, Replicate(1, share))


def _trainings(study: Study, replicate: Replicate) -> Iterator[Training]:
    """Yield the networks of all replicates that have this one's share of the patients."""
    settings, folds, whole = study.settings, len(study.folds), replicate.share == 100
    recipes = Recipes(study)
    own = 1 if settings.share_synthesizer else settings.replicates
    for name in settings.used_synthesizers if whole else recipes.subset_synthesizers:
        units = synthesizer_units(study, name)
        yield from [synthesizer_training(study, name, replicate)] * (own * folds * units)
    for name in recipes.arms(replicate):
        training = classifier_training(study, name, recipes.arm(name, replicate), replicate)
        yield from [training] * (settings.replicates * folds)
    for name in settings.curves if whole else ():
        for arm in recipes.curve_arms(name):
            training = classifier_training(study, f"curve {name}", arm, replicate)
            yield from [training] * (settings.replicates * folds)


def synthesizer_units(study: Study, name: str) -> int:
    """Return how many networks a synthesizer is in a fold: one a class, or one for all."""
    return 1 if study.settings.synthesizers[name].network == "acgan" else len(study.classes)


def synthesizer_images(study: Study, name: str, replicate: Replicate) -> int:
    """Return about how many images a synthesizer learns from in a fold, of all classes."""
    classic = replicate.of(study.settings.synthesizers[name].classic)
    return round(_originals(study, replicate) + classic * (len(study.folds) - 1))


def synthesizer_training(study: Study, name: str, replicate: Replicate) -> Training:
    """Return the training of one of a synthesizer's networks."""
    settings = study.settings.synthesizers[name]
    generator, discriminator = synthesizer_work(settings)
    # Forward and backward: G once, D on real, on synthetic, and again for G's update.
    work = settings.batch * 3 * (generator + 3 * discriminator)
    images = synthesizer_images(study, name, replicate) / synthesizer_units(study, name)
    return Training(name, int(settings.epochs * images / settings.batch), work)


def arm_images(study: Study, arm: Arm, replicate: Replicate) -> int:
    """Return about how many images an arm's training set has in a fold."""
    settings, parts = study.settings, len(study.folds) - 1
    originals = _originals(study, replicate)
    classic = settings.classic.number * originals / parts
    if arm.classic != "all":
        classic = arm.classic if isinstance(arm.classic, int) else 0
    drawn = sum(
        synthetic_count(arm, synthesizer, label)
        for synthesizer in arm.synthetic
        for label in study.classes
    )
    each = (arm.extra_classic + arm.oracle + arm.copies) * len(study.classes)
    return round(originals * arm.originals + (classic + drawn + each) * parts)


def classifier_training(study: Study, name: str, arm: Arm, replicate: Replicate) -> Training:
    """Return the training of an arm's classifier in a fold."""
    settings, classifier = study.settings, study.settings.classifier
    budget = arm.budget or classifier.budget
    batches = -(-arm_images(study, arm, replicate) // classifier.batch)
    updates = budget.updates or int(budget.epochs * batches)
    per_image = 3 * classifier_work(classifier, settings.roi.size, len(study.classes))
    return Training(name, updates, classifier.batch * per_image)


def _originals(study: Study, replicate: Replicate) -> float:
    """Return about how many lesions a fold is trained with."""
    folds = len(study.folds)
    return len(study.lesions) * replicate.share / 100 * (folds - 1) / folds


def disk_bytes(study: Study) -> float:
    """Return about how much a study writes: variants, samples, networks, cohort."""
    settings, pixels = study.settings, study.settings.roi.size**2
    lesions = len(study.lesions)
    # Subsets have variants, samples and networks of their own.
    runs = settings.replicates * sum(study.shares) / 100
    variants = lesions * settings.classic.number * pixels * runs
    jobs = runs * len(study.folds)
    samples = sum(
        Recipes(study).samples_drawn(name) * len(study.classes)
        for name in settings.used_synthesizers
    )
    networks = sum(
        4 * sum(synthesizer_weights(synthesizer)) * synthesizer_units(study, name)
        for name, synthesizer in settings.used_synthesizers.items()
    )
    classifier = classifier_weights(study)
    trained = len(settings.trained_arms) * (1 + len(settings.classifier.stops))
    trained += sum(len(curve.sizes) for curve in settings.curves.values())
    networks += 4 * trained * classifier
    cohort = lesions * 1e6 if study.is_phantom else 0
    return variants + jobs * (samples * pixels + networks) + lesions * 2e5 + cohort


def classifier_weights(study: Study) -> int:
    """Return how many weights the study's CNN has, biases aside."""
    settings, side = study.settings.classifier, study.settings.roi.size
    for _ in settings.channels:
        side = (side - 2) // 2
    weights = sum(9 * a * b for a, b in pairwise([1, *settings.channels]))
    return weights + side * side * settings.channels[-1] * settings.dense


def synthesizer_weights(settings: DcganSettings | AcganSettings) -> tuple[int, int]:
    """Return how many weights a generator and its discriminator have, biases and norms aside."""
    area = settings.kernel**2
    generator = [*settings.generator_channels, 1]
    discriminator = [1, *settings.discriminator_channels]
    first = settings.latent * 16 * generator[0]
    return (
        first + sum(area * a * b for a, b in pairwise(generator)),
        sum(area * a * b for a, b in pairwise(discriminator)),
    )


def plan_text(study: Study, machine: Machine) -> str:
    """Return the plan: a few lines of plain words."""
    jobs = list(trainings(study))
    counts = Counter(job.name for job in jobs)
    synthesizers = [name for name in counts if name in study.settings.synthesizers]
    networks = sum(counts[name] for name in synthesizers)
    parallel = min(machine.cores, machine.gpus) if machine.gpus else machine.cores
    other = JOB_SECONDS * 4 * len(study.replicates) * len(study.folds) / machine.cores
    hours = (sum(job.seconds(machine) for job in jobs) / parallel + other) / 3600
    patients = len({lesion.patient_id for lesion in study.lesions if lesion.patient_id})
    of_patients = f" of {patients} patients" if patients else " (no patient ids)"
    where = f"{machine.gpus} x {machine.gpu_name}" if machine.gpus else "the CPU, no GPU in use"
    return "\n".join(
        [
            f"Study {study.settings.study}: {len(study.lesions)} lesions{of_patients}, "
            f"{len(study.classes)} classes, {len(study.folds)} folds, "
            f"{len(study.replicates)} replicate{'s' * (len(study.replicates) > 1)}.",
            f"Trainings: {len(jobs) - networks} classifiers "
            f"({len(study.settings.trained_arms)} arms, {len(study.settings.curves)} size curves"
            + (f", {len(study.shares) - 1} subsets of the patients" * (len(study.shares) > 1))
            + "), "
            f"{networks} synthesizers"
            + (f" ({', '.join(f'{counts[n]} {n}' for n in synthesizers)})." if networks else "."),
            f"Estimate for the whole study: {duration(hours)} on {machine.cores} "
            f"core{'s' * (machine.cores > 1)} and {where}; "
            f"{disk_bytes(study) / 1e9:.1f} GB in {study.root}. What is finished is not repeated.",
            *([machine.sharing] if machine.sharing else []),
        ]
    )


def expected_seconds(study: Study, machine: Machine) -> dict[str, float]:
    """Return about how long a job of each rule that trains takes, in the mean."""
    settings, recipes, whole = study.settings, Recipes(study), Replicate(1)
    seconds: dict[str, list[float]] = {}
    for name in settings.used_synthesizers:
        units = synthesizer_units(study, name) / len(study.scopes(name))
        own = synthesizer_training(study, name, whole).seconds(machine) * units
        seconds.setdefault("train_synthesizer", []).extend([own] * len(study.scopes(name)))
    arms = [
        classifier_training(study, name, recipes.arm(name, whole), whole).seconds(machine)
        for name in recipes.arms(whole)
    ]
    seconds["train_arm"], seconds["train_arms"] = arms, [sum(arms)]
    for name in settings.curves:
        points = [
            classifier_training(study, name, arm, whole).seconds(machine)
            for arm in recipes.curve_arms(name)
        ]
        seconds.setdefault("train_curve", []).append(sum(points))
    return {rule: sum(own) / len(own) for rule, own in seconds.items() if own}


def duration(hours: float) -> str:
    """Return a time in words, as exact as an estimate is."""
    if hours < 1.5:
        minutes = max(2, round(hours * 60))
        return f"about {minutes} minutes"
    return f"about {hours:.0f} hours" if hours < 48 else f"about {hours / 24:.0f} days"
