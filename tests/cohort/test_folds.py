from collections import Counter
from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augtrial.cohort.folds import nested_order, set_aside, split_patients

cohorts = st.lists(st.tuples(st.integers(0, 25), st.sampled_from("abc")), min_size=30, max_size=80)


@given(cohorts, st.integers(2, 5), st.integers(0, 5))
def test_a_patients_lesions_share_one_fold(lesions, number, replicate):
    patients = [str(patient) for patient, _ in lesions]
    labels = [label for _, label in lesions]
    folds = split_patients(patients, labels, number, seed=1, replicate=replicate)
    assert set(folds) <= set(range(1, number + 1))
    for patient in set(patients):
        assert len({f for f, p in zip(folds, patients, strict=True) if p == patient}) == 1


def test_classes_are_balanced_over_the_folds():
    labels = ["cyst"] * 53 + ["metastasis"] * 64 + ["hemangioma"] * 65
    patients = [f"p{index // 2}" for index in range(len(labels))]
    for replicate in range(5):
        folds = split_patients(patients, labels, 3, seed=1, replicate=replicate)
        counts = Counter(zip(folds, labels, strict=True))
        for label in set(labels):
            sizes = [counts[fold, label] for fold in (1, 2, 3)]
            assert max(sizes) - min(sizes) <= 2


def test_every_replicate_has_a_split_of_its_own_and_keeps_it():
    patients = [f"p{index}" for index in range(60)]
    labels = ["a", "b", "c"] * 20
    splits = [split_patients(patients, labels, 3, seed=1, replicate=r) for r in (1, 2, 1)]
    assert splits[0] == splits[2]
    assert splits[0] != splits[1]


def test_the_order_of_the_table_does_not_change_the_split():
    patients = [f"p{index // 2}" for index in range(60)]
    labels = ["a", "b", "c"] * 20
    order = np.random.default_rng(0).permutation(60)
    split = split_patients(patients, labels, 3, seed=1, replicate=1)
    shuffled = split_patients(
        [patients[i] for i in order], [labels[i] for i in order], 3, seed=1, replicate=1
    )
    assert shuffled == [split[i] for i in order]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("abc")), min_size=1, max_size=40))
def test_every_head_of_a_nested_order_has_all_classes_as_soon_as_it_can(lesions):
    patients, labels = [f"p{p}" for p, _ in lesions], [label for _, label in lesions]
    order = nested_order(patients, labels, seed=3)
    assert sorted(order) == sorted(set(patients))
    assert order == nested_order(patients, labels, seed=3)
    head = order[: len(set(labels))]
    assert {label for p, label in zip(patients, labels, strict=True) if p in head} == set(labels)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("ab")), min_size=2, max_size=150),
    st.integers(0, 5),
)
def test_a_quarter_of_the_patients_is_set_aside_or_as_many_as_give_ten_lesions(lesions, seed):
    patients, labels = [f"p{p}" for p, _ in lesions], [label for _, label in lesions]
    taken, number = set_aside(patients, labels, seed=seed), len(set(patients))
    assert taken == set_aside(patients, labels, seed=seed)
    assert taken < set(patients) or number == 1
    assert len(taken) <= number // 2 or len(taken) == ceil(number / 4)
    counts = Counter(c for p, c in zip(patients, labels, strict=True) if p in taken)
    fewest = min(counts[label] for label in set(labels))
    if len(taken) > ceil(number / 4):  # one patient fewer is not enough
        assert fewest >= 10 or len(taken) == number // 2
    if len(taken) < number // 2:
        assert fewest >= 10
