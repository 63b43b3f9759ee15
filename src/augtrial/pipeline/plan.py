"""The study in words before it runs: how many trainings, about how long, how much disk, where."""

from collections import Counter

from augtrial.core.names import count
from augtrial.core.replicate import Replicate
from augtrial.pipeline.costs import JOB_SECONDS, Costs, Training
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.study import Study


def plan_text(study: Study, machine: Machine) -> str:
    """Return the plan: a few lines of plain words."""
    costs = Costs(study)
    synthesizers = list(costs.all_synthesizer_trainings())
    networks = list(costs.all_network_trainings())
    second = len(list(costs.all_second_trainings()))
    counts = Counter(training.name for training in synthesizers)
    hours = expected_hours(study, machine)
    patients = len({lesion.patient_id for lesion in study.lesions if lesion.patient_id})
    of_patients = f" of {patients} patients" if patients else " (no patient ids)"
    where = f"{machine.gpus} x {machine.gpu_name}" if machine.gpus else "the CPU, no GPU in use"
    subsets = f", {len(study.shares) - 1} subsets of the patients" if study.shares[1:] else ""
    kinds = ", ".join(f"{counts[name]} {name}" for name in counts)
    lines = [
        f"Study {study.settings.study}: {len(study.lesions)} lesions{of_patients}, "
        f"{len(study.classes)} classes, {len(study.folds)} folds, "
        f"{count(len(study.replicates), 'replicate')}.",
        f"Trainings: {len(networks)} classifiers ({len(study.settings.trained_arms)} arms, "
        f"{len(study.settings.curves)} size curves{subsets}), "
        f"{len(synthesizers)} synthesizers{f' ({kinds})' if kinds else ''}"
        f"{f', {second} to judge their fitness' if second else ''}.",
        f"Estimate for the whole study: {duration(hours)} on "
        f"{count(machine.cores, 'core')} and {where}; "
        f"{costs.disk_bytes() / 1e9:.1f} GB in {study.root}. Finished jobs are not repeated.",
        machine.sharing,
    ]
    return "\n".join(filter(None, lines))


def expected_hours(study: Study, machine: Machine) -> float:
    """Return about how many hours the whole study takes on a machine."""
    costs = Costs(study)
    trainings = [*costs.all_synthesizer_trainings(), *costs.all_network_trainings()]
    trainings += costs.all_second_trainings()
    parallel = min(machine.cores, machine.gpus) if machine.gpus else machine.cores
    seconds = sum(training.seconds(machine) for training in trainings)
    # Everything but training: on one core, however many GPUs there are.
    stages = len(study.replicates) * len(study.folds) * (4 + len(study.settings.used_synthesizers))
    seconds += JOB_SECONDS * stages * (machine.gpus or 1)
    return seconds / parallel / 3600


def expected_seconds(study: Study, machine: Machine) -> dict[str, float]:
    """Return about how long a job of each rule that trains takes, in the mean."""
    costs, params = Costs(study), JobParams(study)
    replicates = [*map(Replicate, study.replicates), *study.subset_replicates]

    def took(trainings: list[Training]) -> float:
        return JOB_SECONDS + sum(training.seconds(machine) for training in trainings)

    seconds = {
        "train_synthesizer": [
            took(costs.synthesizer_trainings(name, replicate))
            for replicate in dict.fromkeys(map(study.synthesizer_replicate, replicates))
            for name in params.synthesizers(replicate)
        ],
        "train_classifiers": [took(costs.network_trainings(replicate)) for replicate in replicates],
        "train_second_synthesizer": [
            took(costs.synthesizer_trainings(name, 1)) for name in params.second_synthesizers()
        ],
    }
    if params.judged_synthesizers():
        seconds["train_feature_classifier"] = [took([costs.feature_training()])]
    return {rule: sum(each) / len(each) for rule, each in seconds.items() if each}


def duration(hours: float) -> str:
    """Return a time in words, as exact as an estimate is."""
    if hours < 1.5:
        return f"about {max(2, round(hours * 60))} minutes"
    return f"about {hours:.0f} hours" if hours < 48 else f"about {hours / 24:.0f} days"
