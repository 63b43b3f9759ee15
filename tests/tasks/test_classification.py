"""The task behind its seam: what an arm's training set teaches, and what is predicted by it."""

import numpy as np
import pandas as pd
import pytest
import torch

from augtrial.config.classifier import Budget
from augtrial.core.registry import classifiers, tasks
from augtrial.imaging.training_set import TrainingSet
from small_networks import CPU, SMALL_CLASSIFIER, trained_to_its_end

CLASSES = ("across", "along")
TASK = tasks["classification"]


@pytest.fixture(scope="module")
def trained(striped_classes):
    images, labels = striped_classes
    learnt = TrainingSet(images, labels, ("roi",) * len(images), ("a",))
    training = TASK.training(
        learnt, SMALL_CLASSIFIER, Budget(updates=80), classes=CLASSES, seed=3, device=CPU
    )
    assert training.updates == 80
    return trained_to_its_end(training)


@pytest.fixture(scope="module")
def rows(trained, striped_classes):
    images, labels = striped_classes
    lesions = pd.DataFrame(
        {
            "lesion_id": [f"L{number}" for number in range(len(images))],
            "patient_id": [f"P{number // 2}" for number in range(len(images))],
            "label": np.take(CLASSES, labels),
        }
    )
    state = trained.networks("an arm")["an arm"]
    columns = {"fold": 2, "replicate": 1, "arm": "an arm"}
    return TASK.predict(state, SMALL_CLASSIFIER, lesions, images, classes=CLASSES, columns=columns)


def test_each_held_out_lesion_gets_a_probability_for_each_class(rows):
    assert rows["lesion_id"].is_unique
    assert set(rows["arm"]) == {"an arm"}
    assert set(rows["fold"]) == {2}
    np.testing.assert_allclose(rows[["p_across", "p_along"]].sum(axis=1), 1, atol=1e-6)
    assert (rows["predicted"] == rows["label"]).all()


def test_its_outcomes_are_the_endpoints_that_statistics_work_on(rows):
    (arm,) = TASK.outcomes(rows).values()
    outcomes = {(found.endpoint, found.category): found for found in arm.outcomes}
    assert {("accuracy", "all"), ("auc", "macro"), ("sensitivity", "along")} <= set(outcomes)
    assert outcomes["accuracy", "all"].value == pytest.approx([1.0])
    assert outcomes["accuracy", "all"].psi.shape == (40, 1)  # patients and replicates


def test_a_budget_in_epochs_ends_each_epoch_with_its_rest(striped_classes):
    images, labels = striped_classes
    learnt = TrainingSet(images[:41], labels[:41], ("roi",) * 41, ("a",))
    options = {"classes": CLASSES, "seed": 3, "device": CPU}
    epochs = TASK.training(learnt, SMALL_CLASSIFIER, Budget(epochs=2), **options)
    assert epochs.updates == 2 * 3
    assert [len(epochs.order.indices(update)) for update in range(3)] == [16, 16, 9]
    updates = TASK.training(learnt, SMALL_CLASSIFIER, Budget(updates=6), **options)
    assert [len(updates.order.indices(update)) for update in range(3)] == [16, 16, 16]


def test_its_settings_come_back_from_plain_values():
    assert TASK.settings(SMALL_CLASSIFIER.model_dump()) == SMALL_CLASSIFIER


def test_it_passes_on_what_the_network_says_of_itself():
    kind, sizes = classifiers["frid_adar"], {"classes": 3, "size": 64}
    settings = kind.Settings()
    assert TASK.cost(settings, **sizes) == kind.cost(settings, **sizes)
    assert list(TASK.problems(settings, 8)) == [
        "channels: 3 convolutions and pools leave nothing of a ROI of side 8"
    ]
    assert list(TASK.problems(settings, 64)) == []
    said = TASK.describe(settings)
    assert "32-64-128 feature maps" in said
    assert "batches of 64" in said


def test_the_weights_to_begin_with_are_those_of_the_seed():
    kind = classifiers["frid_adar"]

    def build(seed):
        generator = torch.Generator().manual_seed(seed)
        return kind.build(SMALL_CLASSIFIER, classes=2, size=32, generator=generator)

    one, again, other = (build(seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
