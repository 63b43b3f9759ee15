"""Folds, subsets and fresh patients of a study, with the classes balanced."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import ceil

import numpy as np

from augtrial.cohort.lesion import Cohort, Lesion
from augtrial.core import seeds
from augtrial.core.names import MIN_LESIONS


def split_patients(
    patients: Sequence[str], labels: Sequence[str], number: int, *, seed: int, replicate: int
) -> list[int]:
    """Return the fold, 1 to `number`, of each lesion; all lesions of a patient are in one fold.

    Patients are assigned one by one, those with the most lesions first, in random order among
    equals. Each goes to the fold that keeps the classes most evenly spread: the greedy rule of
    scikit-learn's StratifiedGroupKFold, repeated here so that a split does not change with the
    version of a library.
    """
    classes = {label: index for index, label in enumerate(sorted(set(labels)))}
    counts: dict[str, np.ndarray] = {}
    for patient, label in zip(patients, labels, strict=True):
        counts.setdefault(patient, np.zeros(len(classes)))[classes[label]] += 1
    names = sorted(counts)
    seeds.generator(seed, "folds", replicate).shuffle(names)
    names.sort(key=lambda name: -counts[name].sum())  # stable: random among equals
    class_sizes = np.sum(list(counts.values()), axis=0)
    shares = np.zeros((number, len(classes)))  # of each class, in each fold
    fold_of: dict[str, int] = {}
    for name in names:
        added = counts[name] / class_sizes
        trials = shares + np.eye(number)[:, :, None] * added  # [fold that takes it, fold, class]
        unevenness = trials.std(axis=1).mean(axis=1)
        best = int(np.lexsort((shares.sum(axis=1), np.round(unevenness, 12)))[0])
        shares[best] += added
        fold_of[name] = best + 1
    return [fold_of[patient] for patient in patients]


def nested_order(patients: Sequence[str], labels: Sequence[str], *, seed: int) -> list[str]:
    """Return the patients in a random order; the first n, for any n, have balanced classes.

    The next patient is always one with a lesion of the class that is most underrepresented so far.
    With c classes, the first c patients therefore have lesions of all classes.
    """
    classes = sorted(set(labels))
    counts = {name: np.zeros(len(classes)) for name in sorted(set(patients))}
    for patient, label in zip(patients, labels, strict=True):
        counts[patient][classes.index(label)] += 1
    names = list(counts)
    seeds.generator(seed).shuffle(names)
    queues = [[name for name in reversed(names) if counts[name][c]] for c in range(len(classes))]
    class_sizes = np.sum(list(counts.values()), axis=0)
    taken, order = np.zeros(len(classes)), dict[str, None]()
    while len(order) < len(names):
        for queue in queues:
            while queue and queue[-1] in order:
                queue.pop()
        waiting = [c for c, queue in enumerate(queues) if queue]
        chosen = queues[min(waiting, key=(taken / class_sizes).item)].pop()
        taken += counts[chosen]
        order[chosen] = None
    return list(order)


def set_aside(patients: Sequence[str], labels: Sequence[str], *, seed: int) -> set[str]:
    """Return a quarter of the patients, or as many more as give ten lesions of each class.

    They are at most half of the patients: of a class with few lesions there may be fewer than ten.
    """
    order = nested_order(patients, labels, seed=seed)
    for number in range(ceil(len(order) / 4), len(order) // 2 + 1):
        taken = set(order[:number])
        known = Counter(
            label for label, name in zip(labels, patients, strict=True) if name in taken
        )
        if min(known[label] for label in set(labels)) >= MIN_LESIONS:
            return taken
    return set(order[: len(order) // 2])


def fresh_parts(
    second: Cohort, cohort: Cohort, *, classes: Collection[str], folds: Sequence[int], seed: int
) -> dict[int, list[Lesion]]:
    """Return part -> lesions of a second table; the fold of the same number must not see them.

    They are the fresh ones of `classes`: neither of the cohort nor of its patients. If both tables
    have folds, a lesion keeps the fold of its table: without patient ids it may be of a patient
    whom this fold holds out. Otherwise the lesions are divided into parts by patient.
    """
    ids = {lesion.lesion_id for lesion in cohort.lesions}
    patients = {lesion.patient_id for lesion in cohort.lesions} - {""}
    wanted = [lesion for lesion in second.lesions if lesion.label in classes]
    unseen = [lesion for lesion in wanted if lesion.lesion_id not in ids]
    fresh = [lesion for lesion in unseen if lesion.patient_id not in patients]
    if second.has_folds and cohort.has_folds:
        fold_of = [lesion.fold for lesion in fresh]
    else:
        cases = [lesion.case for lesion in fresh]
        labels = [lesion.label for lesion in fresh]
        numbers = split_patients(cases, labels, len(folds), seed=seed, replicate=0)
        fold_of = [folds[number - 1] for number in numbers]
    return {
        part: [lesion for lesion, fold in zip(fresh, fold_of, strict=True) if fold == part]
        for part in folds
    }
