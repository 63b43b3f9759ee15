"""What the trainings of a study are: their images, updates, multiply-adds and weights.

The time of a training is its multiply-adds by a rate: a guess to choose a machine by, right within
a factor of two or three.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from augtrial.machine import Machine
from augtrial.recipes import Recipes
from augtrial.replicate import Replicate
from augtrial.settings import AcganSettings, Arm, ClassifierSettings, DcganSettings
from augtrial.study import Study
from augtrial.trainingset import synthetic_count

# Multiply-adds a second that these networks reach (docs/benchmarks.md has measured ones), the
# least time of an update whatever its size, and what a job costs before it begins.
# Where loops of our own spare products (`pooling`, `synthesizers.winograd`), as if all were made.
CPU_RATE, CPU_LOOPS_RATE, GPU_RATE = 15e9, 30e9, 2e13
CPU_UPDATE, GPU_UPDATE = 0.002, 0.002
JOB_SECONDS = 4.0


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
    cpu_rate: float = CPU_RATE

    def seconds(self, machine: Machine) -> float:
        """Return about how long it takes there, its start included."""
        rate, least = (GPU_RATE, GPU_UPDATE) if machine.gpus else (self.cpu_rate, CPU_UPDATE)
        return JOB_SECONDS + self.updates * max(least, self.work / rate)


def trainings(study: Study) -> Iterator[Training]:
    """Yield every network that the study trains."""
    for share in study.shares:
        yield from _trainings(study, Replicate(1, share))


def _trainings(study: Study, replicate: Replicate) -> Iterator[Training]:
    """Yield the networks of all replicates that have this one's share of the patients."""
    settings, folds = study.settings, len(study.folds)
    recipes = Recipes(study)
    own = 1 if settings.share_synthesizer else settings.replicates
    for name in recipes.synthesizers(replicate):
        units = synthesizer_units(study, name)
        yield from [synthesizer_training(study, name, replicate)] * (own * folds * units)
    for name in recipes.arms(replicate):
        training = classifier_training(study, name, recipes.arm(name, replicate), replicate)
        yield from [training] * (settings.replicates * folds)
    for name in recipes.curves(replicate):
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
    widths = *settings.generator_channels, *settings.discriminator_channels
    spared = settings.kernel == 5 and all(width == 8 or width % 16 == 0 for width in widths)
    rate = CPU_LOOPS_RATE if spared else CPU_RATE
    return Training(name, int(settings.epochs * images / settings.batch), work, rate)


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
    spared = all(width % 8 == 0 for width in classifier.channels[:-1])  # others go PyTorch's way
    rate = CPU_LOOPS_RATE if spared else CPU_RATE
    return Training(name, updates, classifier.batch * per_image, rate)


def _originals(study: Study, replicate: Replicate) -> float:
    """Return about how many lesions a fold is trained with."""
    folds = len(study.folds)
    return len(study.lesions) * replicate.share / 100 * (folds - 1) / folds


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
