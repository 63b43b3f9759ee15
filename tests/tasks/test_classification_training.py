import numpy as np
import pytest
import torch

from augtrial.config.classifier import Budget
from augtrial.core.registry import tasks
from augtrial.tasks.classification.cnn import Classifier, predict
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.tasks.classification.training import ClassifierTraining, load_classifier
from augtrial.training.checkpoints import Checkpoint
from small_networks import CPU, SMALL_CLASSIFIER, classifier_training, trained_to_its_end


def train(images, labels, updates=40, **options):
    return trained_to_its_end(classifier_training(images, labels, updates=updates, **options))


def same(one: Classifier, other: Classifier) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_the_papers_network_has_1273347_parameters():
    network = Classifier(classes=3)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_273_347
    assert network(torch.zeros(2, 1, 64, 64)).shape == (2, 3)


def test_classes_that_can_be_told_are_told(striped_classes):
    images, labels = striped_classes
    trained = train(images, labels, updates=80)
    network, history = trained.network, trained.history
    probabilities, features = predict(network, images)
    assert (probabilities.argmax(1) == labels).mean() == 1
    assert features.shape == (len(images), SMALL_CLASSIFIER.hidden_units)
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_same_seed_gives_the_same_bytes(striped_classes):
    images, labels = striped_classes
    assert same(train(images, labels).network, train(images, labels).network)


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    striped_classes, tmp_path, monkeypatch
):
    images, labels = striped_classes
    straight = train(images, labels, eval_updates=[10, 30])
    checkpoint = Checkpoint(tmp_path, "key", every=0)
    saved = []

    def save_and_die(state):
        Checkpoint.save(checkpoint, state)
        saved.append(state["update"])
        if state["update"] == 23:
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(Killed):
        train(images, labels, eval_updates=[10, 30], checkpoint=checkpoint)
    later = Checkpoint(tmp_path, "key", every=1e9)
    resumed = train(images, labels, eval_updates=[10, 30], checkpoint=later)
    assert saved[-1] == 23
    assert same(straight.network, resumed.network)
    assert straight.history == resumed.history
    assert list(resumed.evaluated) == [10, 30]
    for updates, state in resumed.evaluated.items():
        assert_same_state(straight.evaluated[updates], state)


def test_a_finished_training_is_taken_as_it_is(striped_classes, tmp_path, monkeypatch):
    images, labels = striped_classes
    first = train(
        images, labels, updates=12, eval_updates=[5], checkpoint=Checkpoint(tmp_path, "key")
    )
    monkeypatch.setattr(
        "augtrial.tasks.classification.training.BatchOrder.indices", None
    )  # an update would fail
    again = train(
        images, labels, updates=12, eval_updates=[5], checkpoint=Checkpoint(tmp_path, "key")
    )
    assert same(first.network, again.network)
    assert first.history == again.history
    assert_same_state(first.evaluated[5], again.evaluated[5])


def test_a_network_on_its_way_is_that_of_a_training_of_so_many_updates(striped_classes):
    images, labels = striped_classes
    trained = train(images, labels, updates=12, eval_updates=[5, 9, 12, 40])
    assert list(trained.evaluated) == [5, 9]  # the end is the network itself
    for updates, state in trained.evaluated.items():
        assert_same_state(state, train(images, labels, updates=updates).network.state_dict())
    named = trained.networks("an arm")
    assert list(named) == ["an arm@5", "an arm@9", "an arm"]
    assert_same_state(named["an arm@9"], trained.evaluated[9])
    assert_same_state(named["an arm"], trained.network.state_dict())


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_an_images_prediction_does_not_depend_on_its_neighbours(striped_classes):
    images, labels = striped_classes
    network = train(images, labels, updates=5).network
    together, _ = predict(network, images)
    alone = np.concatenate([predict(network, images[i : i + 1])[0] for i in range(7)])
    np.testing.assert_array_equal(together[:7], alone)


def test_a_state_dict_predicts_by_itself(striped_classes):
    images, labels = striped_classes
    network = train(images, labels, updates=5).network
    loaded = load_classifier(network.state_dict(), SMALL_CLASSIFIER, classes=2, size=32)
    # The network in training lies otherwise in memory, so that sums have another order.
    np.testing.assert_allclose(predict(loaded, images)[0], predict(network, images)[0], atol=1e-6)


def test_the_training_mean_is_that_of_the_training_set(striped_classes):
    images, labels = striped_classes
    network = train(images, labels, updates=1).network
    np.testing.assert_allclose(network.mean[0, 0], images.mean(0) / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "budget", "updates"),
    [(122, Budget(epochs=150), 300), (128, Budget(epochs=2), 4), (10_000, Budget(updates=7), 7)],
)
def test_a_budget_in_epochs_counts_the_last_small_batch(images, budget, updates):
    assert tasks["classification"].updates(FridAdarSettings(), budget, images) == updates


def test_a_budget_of_fewer_updates_than_records_still_has_a_history(striped_classes):
    images, labels = striped_classes
    history = train(images, labels, updates=3).history
    assert [row["update"] for row in history] == [1, 2, 3]


def test_online_lesions_are_drawn_anew_and_others_are_not():
    """With variants of one grey that says which update drew them, the network sees every one."""
    seen = []

    class Online:
        def sample_inputs(self, chosen, update):
            shown = chosen < 2  # the first two images are lesions
            seen.append((tuple(chosen[shown]), update))
            return (torch.from_numpy(shown),)

        def insert(self, batch, shown):
            return torch.where(shown[:, None, None, None], 200 / 255, batch)

    images = np.zeros((4, 16, 16), np.uint8)
    options = {"classes": 2, "seed": 1, "device": CPU}
    options |= {"updates": 30, "full_batches": True, "on_the_fly": Online()}
    settings = FridAdarSettings(channels=[4], hidden_units=4, batch=4, learning_rate=0.1)
    training = ClassifierTraining(images, np.array([0, 0, 1, 1]), settings, **options)
    network = trained_to_its_end(training).network
    assert [update for _, update in seen] == list(range(30))
    assert all(set(lesions) == {0, 1} for lesions, _ in seen)
    bright = np.full((1, 16, 16), 200, np.uint8)
    assert predict(network, bright)[0][0, 0] > 0.6 > predict(network, images[:1])[0][0, 0]
