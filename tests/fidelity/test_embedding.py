import numpy as np
import pytest

from augtrial.fidelity import embedding
from augtrial.fidelity.embedding import embed, neighbour_accuracy, shown_lesions

RNG = np.random.default_rng(0)


def test_classes_that_lie_apart_are_told_by_their_neighbours():
    labels = np.repeat(["a", "b"], 20)
    features = RNG.normal(size=(40, 5)) + 10 * (labels == "b")[:, None]
    groups = np.arange(40)
    assert neighbour_accuracy(features, labels, groups, neighbours=5) == 1


def test_a_patients_own_images_are_no_neighbours():
    """Each patient is a tight cloud of one class: only a leak would tell the classes."""
    centres = RNG.normal(size=(30, 5)) * 10
    features = np.repeat(centres, 6, axis=0) + RNG.normal(size=(180, 5)) * 1e-3
    labels, groups = (
        np.repeat(np.array(["a", "b", "c"])[np.arange(30) % 3], 6),
        np.repeat(range(30), 6),
    )
    assert neighbour_accuracy(features, labels, np.arange(180), neighbours=5) == 1
    assert neighbour_accuracy(features, labels, groups, neighbours=5) < 0.6


def test_neighbours_are_the_same_in_blocks(monkeypatch):
    features, labels = RNG.normal(size=(50, 5)), RNG.integers(0, 3, 50).astype(str)
    whole = neighbour_accuracy(features, labels, np.arange(50) // 2, neighbours=3)
    monkeypatch.setattr(embedding, "BLOCK", 7)
    assert neighbour_accuracy(features, labels, np.arange(50) // 2, neighbours=3) == whole


def test_with_one_patient_there_are_no_neighbours():
    assert (
        neighbour_accuracy(
            RNG.normal(size=(4, 2)), np.array(list("aabb")), np.zeros(4), neighbours=3
        )
        == 0
    )


@pytest.mark.parametrize("points", [4, 30])
def test_the_picture_is_the_same_for_the_same_seed(points):
    features = RNG.normal(size=(points, 6))
    one, two = (embed(features, perplexity=30, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (points, 2)


def test_of_many_lesions_some_are_shown_in_their_order():
    assert shown_lesions(5, 1000, seed=1).tolist() == [0, 1, 2, 3, 4]
    some = shown_lesions(100, 10, seed=1)
    assert len(set(some)) == 10
    assert (np.diff(some) > 0).all()
    assert some.tolist() == shown_lesions(100, 10, seed=1).tolist()
    assert some.tolist() != shown_lesions(100, 10, seed=2).tolist()
