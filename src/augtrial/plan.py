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
from augtrial.settings import AcganSettings, ClassifierSettings, DcganSettings
from augtrial.study import Study

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
    originals = len(study.lesions) * replicate.share / 100 * (folds - 1) / folds
    own = 1 if settings.share_synthesizer else settings.replicates
    for name in settings.used_synthesizers if whole else recipes.subset_synthesizers:
        synthesizer = settings.synthesizers[name]
        images = originals + replicate.of(synthesizer.classic) * (folds - 1)
        units = 1 if synthesizer.network == "acgan" else len(study.classes)
        generator, discriminator = synthesizer_work(synthesizer)
        # Forward and backward: G once, D on real, on synthetic, and again for G's update.
        work = synthesizer.batch * 3 * (generator + 3 * discriminator)
        updates = int(synthesizer.epochs * images / units / synthesizer.batch)
        yield from [Training(name, updates, work)] * (own * folds * units)
    per_image = 3 * classifier_work(settings.classifier, settings.roi.size, len(study.classes))
    names = settings.trained_arms if whole else settings.subset_arms
    arms_of = {name: [recipes.arm(name, replicate)] for name in names}
    arms_of |= {f"curve {name}": recipes.curve_arms(name) for name in settings.curves if whole}
    for name, arms in arms_of.items():
        for arm in arms:
            classic = settings.classic.number * originals / (folds - 1)
            if arm.classic != "all":
                classic = arm.classic if isinstance(arm.classic, int) else 0
            images = originals * arm.originals + classic * (folds - 1)
            for synthesizer in arm.synthetic:
                drawn = sum(arm.synthetic_count(synthesizer, label) for label in study.classes)
                images += drawn * (folds - 1)
            each = arm.extra_classic + arm.oracle + arm.copies
            images += each * len(study.classes) * (folds - 1)
            batch, budget = settings.classifier.batch, arm.budget or settings.classifier.budget
            updates = budget.updates or int(budget.epochs * -(-images // batch))
            training = Training(name, updates, batch * per_image)
            yield from [training] * (settings.replicates * folds)


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
        4 * sum(_weights(synthesizer)) * (1 if synthesizer.network == "acgan" else 3)
        for synthesizer in settings.used_synthesizers.values()
    )
    classifier = _classifier_weights(study)
    trained = len(settings.trained_arms) * (1 + len(settings.classifier.stops))
    networks += 4 * trained * classifier
    cohort = lesions * 1e6 if study.is_phantom else 0
    return variants + jobs * (samples * pixels + networks) + lesions * 2e5 + cohort


def _classifier_weights(study: Study) -> int:
    settings, side = study.settings.classifier, study.settings.roi.size
    for _ in settings.channels:
        side = (side - 2) // 2
    weights = sum(9 * a * b for a, b in pairwise([1, *settings.channels]))
    return weights + side * side * settings.channels[-1] * settings.dense


def _weights(settings: DcganSettings | AcganSettings) -> tuple[int, int]:
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
            f"Estimate for the whole study: {_duration(hours)} on {machine.cores} "
            f"core{'s' * (machine.cores > 1)} and {where}; "
            f"{disk_bytes(study) / 1e9:.1f} GB in {study.root}. What is finished is not repeated.",
            *([machine.sharing] if machine.sharing else []),
        ]
    )


def _duration(hours: float) -> str:
    if hours < 1.5:
        minutes = max(2, round(hours * 60))
        return f"about {minutes} minutes"
    return f"about {hours:.0f} hours" if hours < 48 else f"about {hours / 24:.0f} days"
