"""A GPU's engine on the CPU: its order of work, without its streams and graphs."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch

from augtrial.synthesizers.flow import FlowSettings
from augtrial.synthesizers.shared import flow_training as flow
from augtrial.synthesizers.shared import gan_training as gan
from augtrial.tasks.classification import training
from augtrial.training import engine
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.engine import train_all
from augtrial.training.optimisers import adam, adamw, sgd
from small_networks import (
    ACGAN,
    CPU,
    DCGAN,
    classifier_training,
    gan_training,
    trained_to_its_end,
)


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

    def carry(self, rows, buffer):
        buffer[: len(rows)] = torch.stack(list(rows))

    def wait(self):
        pass


@pytest.fixture
def gpu(monkeypatch) -> Device:
    monkeypatch.setattr(engine, "Gpu", LikeGraphs)
    monkeypatch.setattr(LikeGraphs, "captured", 0)
    monkeypatch.setattr(LikeGraphs, "replayed", 0)
    # Adam makes a full step of the smallest gradient, whose sign another rounding turns: with one
    # arithmetic the networks are equal (test_optimisers.py compares the arithmetics).
    monkeypatch.setattr(gan, "adam", lambda *rates, device: adam(*rates, device=CPU))
    monkeypatch.setattr(flow, "adamw", lambda *rates, device: adamw(*rates, device=CPU))
    monkeypatch.setattr(training, "sgd", lambda *rates, device: sgd(*rates, device=CPU))
    return LikeGpu(torch.device("cpu"), bfloat16=False)


def assert_close(one: Any, other: Any) -> None:
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def assert_same_rows(rows, others) -> None:
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, abs=1e-4, nan_ok=True)


def test_classifiers_side_by_side_are_those_trained_alone(striped_classes, gpu):
    images, labels = striped_classes
    sets = [  # an arm that ends early, one of equal epochs with a rest, one judged on its way
        (images, labels, {"updates": 10, "full_batches": True}),
        (images[:41], labels[:41], {"updates": 5 * 3, "full_batches": False}),
        (
            images[10:],
            labels[10:],
            {"updates": 90, "full_batches": True, "eval_updates": [30, 70]},
        ),
    ]

    def make(x, y, options):
        return partial(classifier_training, x, y, device=gpu, **options)

    together = train_all([make(*training_set) for training_set in sets], gpu)
    for trained, (x, y, options) in zip(together, sets, strict=True):
        alone = trained_to_its_end(classifier_training(x, y, **options))
        assert_close(trained.network, alone.network)
        assert_same_rows(trained.history, alone.history)
        evaluated = options.get("eval_updates", [])
        assert list(trained.evaluated) == list(alone.evaluated) == evaluated
    # One graph for each group of those that are still on their way; the rest is replayed.
    assert LikeGraphs.captured == 3
    assert LikeGraphs.replayed == 90 - 3 * engine.EAGER


@pytest.mark.parametrize(
    "settings",
    [
        DCGAN,
        ACGAN,
        ACGAN.model_copy(update={"discriminator": "odena"}),
        FlowSettings(channels=[16], updates=12, batch=8, steps=2),
    ],
    ids=["dcgan", "acgan", "odena", "flow"],
)
def test_synthesizers_side_by_side_are_those_trained_alone(striped_classes, gpu, settings):
    images, labels = striped_classes
    sets = [(images, labels), (images[:50], labels[:50])]
    makers = [partial(gan_training, *data, settings, device=gpu) for data in sets]
    for trained, data in zip(train_all(makers, gpu), sets, strict=True):
        alone = trained_to_its_end(gan_training(*data, settings))
        assert_close(trained, alone)
        assert_same_rows(trained.history, alone.history)
        difference = torch.stack(trained.snapshots).int() - torch.stack(alone.snapshots).int()
        assert difference.abs().max() <= 1


def test_networks_that_stopped_at_different_updates_go_on_side_by_side(
    striped_classes, gpu, tmp_path
):
    class Killed(Exception):
        pass

    class Dying(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["update"] == 12:
                raise Killed

    half = Dying(tmp_path, "half", every=0)
    with pytest.raises(Killed):
        trained_to_its_end(classifier_training(*striped_classes, checkpoint=half, device=gpu))
    trainings = [
        classifier_training(*striped_classes, device=gpu, checkpoint=checkpoint)
        for checkpoint in (Checkpoint(tmp_path, "half"), None)
    ]
    assert [training.update for training in trainings] == [12, 0]
    resumed, fresh = train_all([lambda: trainings[0], lambda: trainings[1]], gpu)
    assert_close(resumed.network, fresh.network)
    assert_same_rows(resumed.history, fresh.history)


def test_more_networks_than_fit_in_a_graph_are_trained_in_turn(striped_classes, gpu, monkeypatch):
    monkeypatch.setattr(engine, "TOGETHER", 2)
    begun = []

    def make(number):
        begun.append(number)
        return classifier_training(*striped_classes, device=gpu, updates=4, seed=number)

    ended = train_all([partial(make, number) for number in range(5)], gpu)
    next(ended)
    assert begun == [0, 1]
    assert [training.seed for training in ended] == [1, 2, 3, 4]
