"""Folds and subsets: patients held out together or kept together, with classes balanced."""

from collections.abc import Sequence

import numpy as np

from augtrial import seeds


def split_patients(
    patients: Sequence[str], labels: Sequence[str], number: int, *, seed: int, replicate: int
) -> list[int]:
    """Return the fold, 1 to `number`, of each lesion; a patient's lesions share one fold.

    Patients are taken in random order, those with many lesions first, and each goes to the fold
    that keeps every class most evenly spread (the greedy rule of scikit-learn's
    StratifiedGroupKFold, kept here so that a split never changes with a library's version).

    Args:
        patients: the patient of each lesion.
        labels: the class of each lesion.
        number: folds.
        seed: the study's seed.
        replicate: which split of the study.
    """
    classes = {label: index for index, label in enumerate(sorted(set(labels)))}
    counts: dict[str, np.ndarray] = {}
    for patient, label in zip(patients, labels, strict=True):
        counts.setdefault(patient, np.zeros(len(classes)))[classes[label]] += 1
    names = sorted(counts)
    seeds.generator(seed, "folds", replicate).shuffle(names)
    names.sort(key=lambda name: -counts[name].sum())  # stable: random among equals
    sizes = np.sum(list(counts.values()), axis=0)
    held = np.zeros((number, len(classes)))
    fold_of: dict[str, int] = {}
    for name in names:
        added = counts[name] / sizes
        unevenness = _unevenness(held, added)
        best = int(np.lexsort((held.sum(axis=1), np.round(unevenness, 12)))[0])
        held[best] += added
        fold_of[name] = best + 1
    return [fold_of[patient] for patient in patients]


def _unevenness(held: np.ndarray, added: np.ndarray) -> np.ndarray:
    """Return the spread of class shares over the folds, were this patient added to each of them."""
    trials = held + np.eye(len(held))[:, :, None] * added
    return trials.std(axis=1).mean(axis=1)


def nested_order(patients: Sequence[str], labels: Sequence[str], *, seed: int) -> list[str]:
    """Return the patients in a random order of which every head has the classes in proportion.

    The next patient is always one of the class that has come shortest so far, so that the first
    as many patients as there are classes have all of them.

    Args:
        patients: the patient of each lesion.
        labels: the class of each lesion.
        seed: draws the order.
    """
    classes = sorted(set(labels))
    counts = {name: np.zeros(len(classes)) for name in sorted(set(patients))}
    for patient, label in zip(patients, labels, strict=True):
        counts[patient][classes.index(label)] += 1
    names = list(counts)
    seeds.generator(seed).shuffle(names)
    queues = [[name for name in reversed(names) if counts[name][c]] for c in range(len(classes))]
    sizes = np.sum(list(counts.values()), axis=0)
    taken, order = np.zeros(len(classes)), dict[str, None]()
    while len(order) < len(names):
        for queue in queues:
            while queue and queue[-1] in order:
                queue.pop()
        shortest = min((c for c, queue in enumerate(queues) if queue), key=(taken / sizes).item)
        chosen = queues[shortest].pop()
        taken += counts[chosen]
        order[chosen] = None
    return list(order)
