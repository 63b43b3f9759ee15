"""When the training of a synthesizer stops, with which words, and what is looked at meanwhile."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from augtrial.core.errors import UserError
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.shared.training import RecordedTraining
from small_networks import ACGAN, DCGAN, SMALL_GAN, gan_training, trained_to_its_end
from synthesizer_fold import SynthesizerFold

FLOW = {"kind": "flow", "channels": [16, 16], "batch": 8, "steps": 4, "snapshots": 2, "updates": 4}
KINDS = {
    "dcgan": (SMALL_GAN, "dcgan, across, update 1: loss_g is not finite"),
    "acgan": (SMALL_GAN, "acgan, all, update 1: loss_g is not finite"),
    "cgan": ({**SMALL_GAN, "updates": 0}, "cgan, all, update 1: loss_g is not finite"),
    "wgan_gp": (SMALL_GAN, "wgan_gp, across, update 1: loss_d is not finite"),
    "flow": (FLOW, "flow, all, update 2: loss is not finite"),
}


@pytest.fixture
def fold(tmp_path, striped_classes):
    return SynthesizerFold(tmp_path, *striped_classes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_size_without_bounds_stops_with_the_setting_to_change(fold, kind):
    options, seen = KINDS[kind]
    settings = {**options, "kind": kind, "learning_rate": 1e30}
    advice = f"learning_rate 1e+30 of synthesizers.{kind}: try a tenth of it"
    with pytest.raises(UserError) as stopped:
        fold.train(kind, settings)
    assert str(stopped.value) == f"{seen}; {advice}"


def test_the_larger_of_two_step_sizes_is_named(fold):
    rates = {"learning_rate": 0.001, "discriminator_learning_rate": 1e30}
    advice = r"; discriminator_learning_rate 1e\+30 of synthesizers.mine: try a tenth of it$"
    with pytest.raises(UserError, match=advice):
        fold.train("mine", {"kind": "dcgan", **SMALL_GAN, **rates})


class Drawn(RecordedTraining):
    """A training whose weights and samples are given."""

    def __init__(self, samples, weight=1.0):
        super().__init__()
        self.samples, self.weight, self.settings = samples, weight, DCGAN
        self.synthesizer, self.network_name = "mine", "cyst"
        self.updates = self.update = 3
        self.plan_record(1)

    def state_dict(self):
        return {"weight": torch.tensor([1.0, self.weight]), "batches": torch.tensor(3)}

    def draw(self, number):
        return torch.from_numpy(self.samples).repeat(1, number, 1, 1)


@pytest.mark.parametrize("levels", [(0, 0), (255, 255), (0, 255)])
def test_samples_without_any_grey_stop_the_training(levels):
    blank = np.tile(np.array(levels, np.uint8), (1, 1, 16, 8))
    seen = "mine, cyst, update 3: its samples are only black and white; learning_rate 0.0002 "
    with pytest.raises(UserError, match=f"^{seen}of synthesizers.mine: try a tenth of it$"):
        Drawn(blank).record({"loss": 1.0})


@pytest.mark.parametrize("grey", [(128, 128), (0, 1)])
def test_an_even_or_a_dark_image_stops_nothing(grey):
    training = Drawn(np.tile(np.array(grey, np.uint8), (1, 1, 16, 8)))
    training.record({"loss": 1.0})
    assert training.history == [{"update": 3, "loss": 1.0}]
    assert training.snapshots[0].shape == (1, 8, 16, 16)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_weights_that_are_not_finite_stop_the_training_though_its_loss_is(weight):
    training = Drawn(np.full((1, 1, 16, 16), 99, np.uint8), weight)
    with pytest.raises(UserError, match=r"^mine, cyst, update 3: its weights are not finite; "):
        training.record({"loss": 1.0})
    assert not training.history


@pytest.mark.parametrize("settings", [DCGAN, ACGAN, synthesizers["flow"].Settings(**FLOW)])
def test_what_is_looked_at_changes_no_weight(striped_classes, settings):
    plain, watched = (gan_training(*striped_classes, settings) for _ in range(2))
    seen = []
    watched.watch = lambda samples, update: seen.append((samples, update)) or {"coverage": 0.5}
    watched.draw(5)
    for training in (plain, watched):
        trained_to_its_end(training)
    for name, values in plain.state_dict().items():
        assert torch.equal(values, watched.state_dict()[name]), name
    assert [update for _, update in seen] == watched.snapshot_updates
    for (samples, _), kept in zip(seen, watched.snapshots, strict=True):
        assert samples.shape == (len(kept), 32, 32, 32)
        np.testing.assert_array_equal(samples[:, :8], kept.numpy())


@pytest.mark.parametrize("kind", ["dcgan", "flow"])
def test_a_fold_notes_near_duplicates_and_coverage_and_warns_of_a_young_network(fold, kind, capsys):
    options = {"dcgan": {**SMALL_GAN, "updates": 4}, "flow": FLOW}[kind]
    folder = fold.train("mine", {"kind": kind, **options})
    history = pd.read_csv(folder / "history.csv")
    rows = history[history["near_duplicates"].notna()]
    networks = {"dcgan": ["across", "along"], "flow": ["all"]}[kind]
    assert rows["network"].tolist() == np.repeat(networks, 2).tolist()
    assert rows["update"].tolist() == [2, 4] * len(networks)
    assert rows["near_duplicates"].gt(0.9).all()  # a young network draws one grey image
    assert rows["coverage"].eq(0).all()
    warned = r"warning: mine, along, update 4: \d+ % of its samples repeat each other \(training "
    assert re.search(warned + r"lesions: 0 %\); coverage 0 %\n", capsys.readouterr().out)
