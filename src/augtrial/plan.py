"""The study in words before it runs: how many trainings, about how long, how much disk, where."""

from collections import Counter

from augtrial.machine import Machine
from augtrial.recipes import Recipes
from augtrial.replicate import Replicate
from augtrial.study import Study
from augtrial.work import (
    JOB_SECONDS,
    classifier_training,
    classifier_weights,
    synthesizer_training,
    synthesizer_units,
    synthesizer_weights,
    trainings,
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
    whole, subsets, recipes = Replicate(1), study.subset_replicates, Recipes(study)
    synthesizers = _synthesizer_seconds(study, machine, whole)
    arms = _arm_seconds(study, machine, whole)
    curves = [
        sum(
            classifier_training(study, name, arm, whole).seconds(machine)
            for arm in recipes.curve_arms(name)
        )
        for name in recipes.curves(whole)
    ]
    seconds = {
        "train_synthesizer": [
            own / len(study.scopes(name))
            for name, own in synthesizers.items()
            for _ in study.scopes(name)
        ],
        "train_arm": arms,
        "train_curve": curves,
        "train_synthesizers": [sum(synthesizers.values())],
        "train_classifiers": [sum(arms + curves)],
        "train_subset_synthesizers": [
            sum(_synthesizer_seconds(study, machine, own).values()) for own in subsets
        ],
        "train_subset_classifiers": [sum(_arm_seconds(study, machine, own)) for own in subsets],
    }
    return {rule: sum(own) / len(own) for rule, own in seconds.items() if own}


def _synthesizer_seconds(study: Study, machine: Machine, replicate: Replicate) -> dict[str, float]:
    """Return about how long all networks of each synthesizer take to train in a fold."""
    return {
        name: synthesizer_training(study, name, replicate).seconds(machine)
        * synthesizer_units(study, name)
        for name in Recipes(study).synthesizers(replicate)
    }


def _arm_seconds(study: Study, machine: Machine, replicate: Replicate) -> list[float]:
    """Return about how long each arm of a replicate takes to train in a fold."""
    recipes = Recipes(study)
    return [
        classifier_training(study, name, recipes.arm(name, replicate), replicate).seconds(machine)
        for name in recipes.arms(replicate)
    ]


def duration(hours: float) -> str:
    """Return a time in words, as exact as an estimate is."""
    if hours < 1.5:
        minutes = max(2, round(hours * 60))
        return f"about {minutes} minutes"
    return f"about {hours:.0f} hours" if hours < 48 else f"about {hours / 24:.0f} days"


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
    networks *= 2 if settings.jobs == "fold" else 1  # such jobs keep their checkpoints
    cohort = lesions * 2.2e6 if study.is_phantom else 0
    return variants + jobs * (samples * pixels + networks) + lesions * 2e5 + cohort
