"""A GPU's engine on the CPU: its order of work, without its streams and graphs."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from augtrial import classifier_training, engine
from augtrial.checkpoints import Checkpoint
from augtrial.classifier_training import ClassifierTraining, train_classifier
from augtrial.device import Device
from augtrial.engine import train_all
from augtrial.optimisers import Adam, Sgd
from augtrial.settings import AcganSettings, Budget, DcganSettings
from augtrial.synthesizers import adversarial
from augtrial.synthesizers.adversarial import PairTraining, train_pair
from small_networks import CPU, SMALL_CLASSIFIER, SMALL_PAIR


class LikeGpu(Device):
    """The CPU, told to the engine as a GPU."""

    is_gpu = True


@dataclass
class LikeGraphs:
    """Runs what a GPU would capture; counts how often it was captured and replayed."""

    device: torch.device
    streams: int
    captured = 0
    replayed = 0

    def branch(self, works):
        assert len(works) == self.streams
        for work in works:
            work()

    def capture(self, work):
        type(self).captured += 1

        def replay():
            type(self).replayed += 1
            work()

        return replay

    def carry(self, rows, place):
        place[: len(rows)] = torch.stack(list(rows))

    def wait(self):
        pass


@pytest.fixture
def gpu(monkeypatch) -> Device:
    monkeypatch.setattr(engine, "Gpu", LikeGraphs)
    monkeypatch.setattr(LikeGraphs, "captured", 0)
    monkeypatch.setattr(LikeGraphs, "replayed", 0)
    # Adam makes a full step of the smallest gradient, whose sign another rounding turns: with one
    # arithmetic the networks are equal (test_optimisers.py compares the arithmetics).
    monkeypatch.setattr(adversarial, "adam", lambda *own, device: Adam(*own))
    monkeypatch.setattr(classifier_training, "sgd", lambda *own, device: Sgd(*own))
    return LikeGpu(torch.device("cpu"), bfloat16=False)


def assert_close(one: torch.nn.Module, other: torch.nn.Module) -> None:
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def assert_same_rows(rows, others) -> None:
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, abs=1e-4, nan_ok=True)


def test_classifiers_side_by_side_are_those_trained_alone(striped_classes, gpu):
    images, labels = striped_classes
    sets = [  # an arm that ends early, one of equal epochs with a rest, one with stops
        (images, labels, Budget(updates=10), []),
        (images[:41], labels[:41], Budget(epochs=5), []),
        (images[10:], labels[10:], Budget(updates=90), [30, 70]),
    ]
    options = {"classes": 2, "seed": 11}
    together = train_all(
        (
            ClassifierTraining(x, y, SMALL_CLASSIFIER, budget, stops=stops, device=gpu, **options)
            for x, y, budget, stops in sets
        ),
        gpu,
    )
    for trained, (x, y, budget, stops) in zip(together, sets, strict=True):
        alone = train_classifier(x, y, SMALL_CLASSIFIER, budget, stops=stops, device=CPU, **options)
        assert_close(trained.network, alone.network)
        assert_same_rows(trained.history, alone.history)
        assert list(trained.stops) == list(alone.stops) == stops
    # One graph for each group of those that are still on their way; the rest is replayed.
    assert LikeGraphs.captured == 3
    assert LikeGraphs.replayed == 90 - 3 * engine.EAGER


@pytest.mark.parametrize(
    "settings",
    [
        DcganSettings(**SMALL_PAIR),
        AcganSettings(**SMALL_PAIR, embedding=4),
        AcganSettings(**SMALL_PAIR, embedding=4, discriminator="odena"),
    ],
    ids=["dcgan", "acgan", "odena"],
)
def test_synthesizers_side_by_side_are_those_trained_alone(striped_classes, gpu, settings):
    images, labels = striped_classes
    joint = settings.network == "acgan"
    sets = [(images, labels), (images[:50], labels[:50])]
    sets = [(x, y if joint else np.zeros_like(y)) for x, y in sets]
    options = {"classes": 2 if joint else 1, "seed": 5}
    together = train_all((PairTraining(*own, settings, device=gpu, **options) for own in sets), gpu)
    for trained, own in zip(together, sets, strict=True):
        alone = train_pair(*own, settings, device=CPU, **options)
        assert_close(trained.pair, alone.pair)
        assert_same_rows(trained.history, alone.history)
        difference = torch.stack(trained.snapshots).int() - torch.stack(alone.snapshots).int()
        assert difference.abs().max() <= 1


def test_networks_that_stopped_at_different_updates_go_on_side_by_side(
    striped_classes, gpu, tmp_path
):
    images, labels = striped_classes
    options = {"classes": 2, "seed": 11}

    class Killed(Exception):
        pass

    class Dying(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["update"] == 12:
                raise Killed

    half = Dying(tmp_path, "half", every=0)
    with pytest.raises(Killed):
        train_classifier(
            images,
            labels,
            SMALL_CLASSIFIER,
            Budget(updates=30),
            checkpoint=half,
            device=gpu,
            **options,
        )
    trainings = [
        ClassifierTraining(
            images,
            labels,
            SMALL_CLASSIFIER,
            Budget(updates=30),
            checkpoint=own,
            device=gpu,
            **options,
        )
        for own in (Checkpoint(tmp_path, "half"), None)
    ]
    assert [training.update for training in trainings] == [12, 0]
    resumed, fresh = train_all(trainings, gpu)
    assert_close(resumed.network, fresh.network)
    assert_same_rows(resumed.history, fresh.history)


def test_more_networks_than_fit_in_a_graph_are_trained_in_turn(striped_classes, gpu, monkeypatch):
    monkeypatch.setattr(engine, "TOGETHER", 2)
    images, labels = striped_classes
    begun = []

    def trainings():
        for number in range(5):
            begun.append(number)
            yield ClassifierTraining(
                images,
                labels,
                SMALL_CLASSIFIER,
                Budget(updates=4),
                classes=2,
                seed=number,
                device=gpu,
            )

    ended = train_all(trainings(), gpu)
    next(ended)
    assert begun == [0, 1]
    assert [training.seed for training in ended] == [1, 2, 3, 4]
