"""Flow: what it learns, how it draws and refines, and that its updates depend on nothing else."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from augtrial.core import seeds
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from augtrial.synthesizers.shared.flow_network import FlowNetwork
from augtrial.synthesizers.shared.flow_sampling import integrate, refine
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.optimisers import adamw
from small_networks import CPU, gan_training, trained_to_its_end, watched

KIND = synthesizers["flow"]
SIZES = {"channels": [16, 16], "batch": 8, "steps": 4, "snapshots": 2}
SMALL = KIND.Settings(**SIZES, updates=12)


def network_of(training, settings=SMALL) -> TrainedNetwork:
    state = {name: values.clone() for name, values in training.state_dict().items()}
    return TrainedNetwork(state, settings, ("across", "along"), 32)


def sample(network, labels, *, seed=4):
    chance = seeds.torch_generator(seed, "latent")
    return KIND.sample(network, np.asarray(labels), chance)


def across(images):
    """Return by how much more an image changes from row to row than from column to column."""
    images = images.astype(float)
    along_rows, along_columns = (np.abs(np.diff(images, axis=a)).mean((1, 2)) for a in (1, 2))
    return along_rows - along_columns


@pytest.fixture(scope="module")
def learnt(striped_classes):
    """A network that has seen enough of two striped classes, and its training."""
    longer = {"updates": 150, "half_life": 20, "learning_rate": 0.004, "warmup": 10, "steps": 8}
    settings = KIND.Settings(**{**SIZES, **longer})
    training = trained_to_its_end(gan_training(*striped_classes, settings))
    return network_of(training, settings), training


@pytest.fixture(scope="module")
def brief(striped_classes):
    """A network after a dozen updates, and its training."""
    training = trained_to_its_end(gan_training(*striped_classes, SMALL))
    return network_of(training), training


# What it learns ----------------------------------------------------------------------------


def test_its_samples_look_like_their_class(learnt, striped_classes):
    images, labels = striped_classes
    drawn = sample(learnt[0], [0] * 16 + [1] * 16)
    assert (across(drawn[:16]) > 0).mean() > 0.9
    assert (across(drawn[16:]) < 0).mean() > 0.9
    for label in (0, 1):
        expected, found = images[labels == label].mean(0), drawn[16 * label :][:16].mean(0)
        assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.8
    assert len(np.unique(drawn.reshape(32, -1), axis=0)) == 32


def test_the_loss_falls_and_is_noted_in_fifty_rows(learnt):
    history = learnt[1].history
    assert [row["update"] for row in history] == list(range(3, 151, 3))
    assert set(history[0]) == {"update", "loss"}
    assert np.mean([row["loss"] for row in history[-5:]]) < 0.5 * history[0]["loss"]


def test_a_network_knows_nothing_before_its_first_update(striped_classes):
    network = gan_training(*striped_classes, SMALL).network
    noised, times = torch.randn(3, 1, 32, 32), torch.tensor([0.0, 0.5, 1.0])
    assert not network(noised, times, torch.tensor([0, 1, 2])).any()


def test_bfloat16_is_hardly_another_loss_and_no_other_weights(brief, striped_classes):
    device = Device(torch.device("cpu"), bfloat16=True)
    training = trained_to_its_end(gan_training(*striped_classes, SMALL, device=device))
    losses = [[row["loss"] for row in each.history] for each in (training, brief[1])]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert {values.dtype for values in training.state_dict().values()} == {torch.float32}


# Its updates -------------------------------------------------------------------------------


def test_an_update_is_that_of_a_plain_loop(striped_classes):
    images, _ = striped_classes
    training = gan_training(*striped_classes, SMALL)
    index, labels, noise, times, rate, towards = inputs = training.sample_inputs(0)
    plain = copy.deepcopy(training.network)
    optimiser = adamw(plain.parameters(), rate, (0.9, 0.99), device=CPU)
    t = times[:, None, None, None]
    real = torch.from_numpy(images[index])[:, None] / 127.5 - 1
    clean = plain(t * real + (1 - t) * noise, times, labels)
    velocity, weight = (real - clean) / (1 - t), torch.clamp((1 - t) / 0.1, max=1)
    loss = (weight * velocity).square().mean()
    loss.backward()
    nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
    optimiser.step()
    before = {name: values.clone() for name, values in training.average.state_dict().items()}
    training.step(*inputs)
    assert training.total.item() == pytest.approx(loss.item(), rel=1e-5)
    for name, values in plain.state_dict().items():
        torch.testing.assert_close(training.network.state_dict()[name], values, atol=1e-5, rtol=0)
        mean = before[name] + towards * (values - before[name])
        torch.testing.assert_close(training.average.state_dict()[name], mean, atol=1e-5, rtol=0)


def test_rate_times_and_average_change_with_the_update(striped_classes):
    settings = KIND.Settings(**{**SIZES, "batch": 64}, updates=1000, warmup=10, half_life=30)
    training = gan_training(*striped_classes, settings)
    times, rates, towards = zip(*(training.sample_inputs(u)[3:6] for u in range(1000)), strict=True)
    assert [rates[u].item() for u in (0, 4, 9, 99)] == pytest.approx([1e-4, 5e-4, 1e-3, 1e-3])
    logits = torch.stack(times).logit()
    for half, mean in ((logits[:500], -0.6), (logits[500:], 0.4)):
        assert half.mean().item() == pytest.approx(mean, abs=0.02)
        assert half.std().item() == pytest.approx(1, abs=0.02)
    half_lives = [-1 / np.log2(1 - towards[u].item()) for u in (0, 100, 250, 900)]
    assert half_lives == pytest.approx([10, 18, 30, 30], rel=1e-4)


def test_a_tenth_of_the_images_are_not_told_their_class(striped_classes):
    images, labels = striped_classes
    training = gan_training(images, labels, KIND.Settings(**{**SIZES, "batch": 64}, updates=100))
    inputs = [training.sample_inputs(update) for update in range(100)]
    index, told = (torch.cat([values[n] for values in inputs]) for n in (0, 1))
    dropped = told == 2
    assert dropped.float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert torch.equal(told[~dropped], torch.from_numpy(labels)[index][~dropped])


def test_the_inputs_of_all_updates_have_the_same_shapes(striped_classes):
    images, labels = striped_classes
    training = gan_training(images[:5], labels[:5], SMALL)  # fewer images than a batch
    shapes = [[values.shape for values in training.sample_inputs(update)] for update in range(12)]
    assert all(each == shapes[0] for each in shapes)


class Mirrors:
    """In place of variants on the fly: each image in negative."""

    def sample_inputs(self, chosen, update):
        return (torch.full((len(chosen),), float(update)),)

    def insert(self, batch, marks):
        self.seen = marks
        return 1 - batch


def test_variants_on_the_fly_take_the_place_of_the_images(striped_classes):
    images, labels = striped_classes
    negatives = Mirrors()
    classes = ("across", "along")
    given = {"seed": 5, "device": CPU}
    plain = KIND.training(TrainingData(255 - images, labels, classes), SMALL, **given)
    varied = TrainingData(images, labels, classes, on_the_fly=negatives)
    varied = KIND.training(varied, SMALL, **given)
    for training in (plain, varied):
        training.step(*training.sample_inputs(3))
    assert negatives.seen.eq(3).all()
    assert plain.total.item() == pytest.approx(varied.total.item(), rel=1e-5)


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    striped_classes, tmp_path, monkeypatch
):
    checkpoint = Checkpoint(tmp_path, "key", every=0)

    def save_and_die(state):
        Checkpoint.save(checkpoint, state)
        if state["update"] == 7:
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(Killed):
        trained_to_its_end(watched(gan_training(*striped_classes, SMALL, checkpoint=checkpoint)))
    again = Checkpoint(tmp_path, "key", every=1e9)
    resumed = gan_training(*striped_classes, SMALL, checkpoint=again)
    assert (resumed.update, len(resumed.history), len(resumed.snapshots)) == (7, 7, 1)
    straight = trained_to_its_end(watched(gan_training(*striped_classes, SMALL)))
    resumed = trained_to_its_end(watched(resumed))
    ended = gan_training(*striped_classes, SMALL, checkpoint=again)
    assert ended.update == 12
    for training in (resumed, ended):
        for name, values in straight.state_dict().items():
            assert torch.equal(values, training.state_dict()[name]), name
        assert training.history == straight.history
        assert [row["update"] for row in training.history if "near_duplicates" in row] == [6, 12]
        assert torch.equal(torch.stack(training.snapshots), torch.stack(straight.snapshots))


def test_snapshots_show_the_same_noise_in_each_class(brief):
    _, training = brief
    assert list(training.snapshot_updates) == [6, 12]
    assert [grid.shape for grid in training.snapshots] == 2 * [(2, 8, 32, 32)]
    assert {grid.dtype for grid in training.snapshots} == {torch.uint8}


def test_the_average_is_not_the_network_and_is_what_draws(brief):
    network, training = brief
    raw = training.network.state_dict()
    assert any(not torch.equal(raw[name], kept) for name, kept in network.state.items())
    last = TrainedNetwork(raw, SMALL, network.classes, 32)
    assert not np.array_equal(sample(last, [0, 1]), sample(network, [0, 1]))


# How it draws ------------------------------------------------------------------------------


class Knows(nn.Module):
    """A network that sees the clean image in every noised one."""

    def __init__(self, image):
        super().__init__()
        self.image, self.times = image, []

    def forward(self, noised, times, labels):
        self.times.append(times[0].item())
        return self.image.expand_as(noised)


@pytest.mark.parametrize(
    ("start", "times"), [(0.0, [0, 0.25, 0.5, 0.75]), (0.5, [0.5, 0.75]), (0.9, [0.9]), (1.0, [])]
)
def test_euler_goes_to_the_clean_image_in_steps_of_the_same_length(start, times):
    network, noise = Knows(torch.rand(1, 1, 16, 16)), torch.randn(2, 1, 16, 16)
    noised = start * network.image + (1 - start) * noise
    ends = integrate(network, noised, torch.zeros(2).long(), start=start, steps=4)
    assert network.times == pytest.approx(times)
    torch.testing.assert_close(ends, network.image.expand_as(noise), atol=1e-6, rtol=0)


def test_fewer_samples_are_the_head_of_more_and_depend_on_their_label_alone(brief):
    network, _ = brief
    few, more = sample(network, [1] * 5), sample(network, [1] * 70)
    assert few.shape == (5, 32, 32)
    assert few.dtype == np.uint8
    np.testing.assert_array_equal(few, more[:5])
    np.testing.assert_array_equal(sample(network, [1, 0, 1])[[0, 2]], few[[0, 2]])
    assert sample(network, []).shape == (0, 32, 32)
    assert not np.array_equal(sample(network, [1] * 5, seed=9), few)


def test_another_class_is_another_image_of_the_same_noise(learnt):
    one, other = (sample(learnt[0], [label] * 2) for label in (0, 1))
    assert not np.array_equal(one, other)


# How it refines ----------------------------------------------------------------------------


def refined(network, images, labels, start):
    chance = seeds.torch_generator(2, "refine")
    return refine(network, images, labels, start, chance)


def test_the_less_an_image_is_noised_the_more_of_it_stays(learnt, striped_classes):
    images, labels = (values[:12] for values in striped_classes)
    np.testing.assert_array_equal(refined(learnt[0], images, labels, 1.0), images)
    by_time = [refined(learnt[0], images, labels, start) for start in (0.98, 0.6, 0.0)]
    far = [np.abs(found - images.astype(float)).mean() for found in by_time]
    assert far[0] < 25
    assert far[0] < far[1] < far[2]


def test_an_image_from_much_noise_becomes_one_of_its_class(learnt, striped_classes):
    images, labels = (values[:12] for values in striped_classes)
    turned = refined(learnt[0], images, 1 - labels, 0.1)
    assert ((across(turned) > 0) == (labels == 1)).mean() > 0.9


def test_a_refined_image_does_not_depend_on_how_many_there_are(brief, striped_classes):
    images, labels = striped_classes
    few, all_ = (refined(brief[0], images[:n], labels[:n], 0.5) for n in (3, 70))
    np.testing.assert_array_equal(few, all_[:3])


# How it enters a study ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 32, 64, 128])
def test_its_first_maps_have_the_same_side_whatever_the_images(size):
    network = FlowNetwork(classes=2, channels=[16, 32, 32], size=size)
    seen = []
    network.first.register_forward_hook(lambda module, given, maps: seen.append(maps.shape))
    ends = network(torch.zeros(2, 1, size, size), torch.zeros(2), torch.tensor([0, 2]))
    assert seen == [(2, 16, 16, 16)]
    assert ends.shape == (2, 1, size, size)
    assert list(KIND.problems(KIND.Settings(channels=[16, 32, 32]), size)) == []


@pytest.mark.parametrize(
    ("channels", "size", "problem"),
    [
        ([64], 48, "kind: a flow makes images of side 16, 32, 64, ..., but roi.size is 48"),
        ([64], 8, "kind: a flow makes images of side 16, 32, 64, ..., but roi.size is 8"),
        ([16] * 6, 64, "channels: 6 values; 16x16 maps can be halved four times: five at most"),
        ([64, 72], 64, "channels: 72 is not a multiple of 16"),
    ],
)
def test_a_network_that_cannot_be_is_told(channels, size, problem):
    assert list(KIND.problems(KIND.Settings(channels=channels), size)) == [problem]


def test_five_levels_are_allowed(striped_classes):
    settings = KIND.Settings(**{**SIZES, "channels": [16] * 5}, updates=1)
    assert not list(KIND.problems(settings, 32))
    assert trained_to_its_end(gan_training(*striped_classes, settings)).update == 1


def test_its_budget_is_in_updates():
    assert KIND.updates(SMALL, 500) == KIND.updates(SMALL, 5) == 12
    assert KIND.updates(SMALL, 0) == 0


def test_it_is_described_as_it_was_set():
    online = KIND.describe(KIND.Settings())
    assert "4,000 updates of 16 images" in online
    assert "each a new classic variant" in online
    assert "600 classic variants per fold" in KIND.describe(KIND.Settings(classic=600))
