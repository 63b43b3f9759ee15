import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from augtrial.core import seeds
from augtrial.core.registry import synthesizers
from augtrial.imaging.training_set import TrainingSet
from augtrial.synthesizers.base import TrainedNetwork
from augtrial.synthesizers.dcgan import DcganSettings
from augtrial.synthesizers.shared import conditional_networks
from augtrial.synthesizers.shared import training as module
from augtrial.synthesizers.shared.fold import draw_samples, load_networks, train_fold
from augtrial.synthesizers.shared.gan_training import build_gan
from augtrial.training.checkpoints import Checkpoint, CheckpointFolder
from augtrial.training.device import Device
from small_networks import (
    ACGAN,
    CGAN,
    CPU,
    DCGAN,
    SMALL_GAN,
    gan_training,
    trained_to_its_end,
    watched,
)

BOTH = pytest.mark.parametrize("settings", [DCGAN, ACGAN], ids=["dcgan", "acgan"])


OPTIONS = {
    "upsampling": "nearest",
    "discriminator_learning_rate": 0.0004,
    "spectral_norm": True,
    "loss": "hinge",
    "r1": 1.0,
    "diff_augment": ["shift", "cutout", "contrast"],
}
OPTED = [settings.model_copy(update=OPTIONS) for settings in (DCGAN, ACGAN, CGAN)]
OPTED_IDS = [f"{settings.kind} with all options" for settings in OPTED]


def build(settings, *, classes=1, size=32, seed=1):
    return build_gan(synthesizers[settings.kind], settings, classes=classes, size=size, seed=seed)


def train_gan(*data, **options):
    return trained_to_its_end(gan_training(*data, **options))


def draw(gan, labels, *, settings=ACGAN, seed=4):
    """Return images of a pair, through the state dict that a fold keeps."""
    network = TrainedNetwork(gan.state_dict(), settings, ("across", "along"), 32)
    chance = seeds.torch_generator(seed, "latent")
    return synthesizers[settings.kind].sample(network, np.asarray(labels), chance)


def same(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_papers_dcgan_has_the_papers_shapes():
    gan = build(DcganSettings(), size=64)
    generator, discriminator = gan.generator, gan.discriminator
    z = torch.zeros(2, 100)
    x = generator.project(z).view(2, 1024, 4, 4)
    sides = []
    for layer in generator.layers:
        x = layer(x)
        if isinstance(layer, torch.nn.ConvTranspose2d):
            sides.append(tuple(x.shape[1:]))
    assert sides == [(512, 8, 8), (256, 16, 16), (128, 32, 32), (1, 64, 64)]
    assert discriminator(x)[0].shape == (2,)
    dense, convolutions, norms = 100 * 16384, 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128), 1920
    assert parameters(generator) == dense + convolutions + 1 + 2 * norms
    weights = 25 * (128 + 128 * 256 + 256 * 512 + 512 * 1024) + 128 + 2 * (256 + 512 + 1024)
    assert parameters(discriminator) == weights + 16 * 1024 + 1


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_every_kernel_doubles_and_halves_the_side(kernel):
    gan = build(DcganSettings(**{**SMALL_GAN, "kernel": kernel}))
    images = gan.generator(torch.zeros(2, 8))
    assert images.shape == (2, 1, 32, 32)
    assert gan.discriminator(images)[0].shape == (2,)


@pytest.mark.parametrize("discriminator", ["dcgan", "odena"])
def test_an_acgan_judges_source_and_class(discriminator):
    settings = ACGAN.model_copy(update={"discriminator": discriminator})
    gan = build(settings, classes=3)
    images = gan.generator(torch.zeros(2, 8), torch.tensor([0, 2]))
    source, classes = gan.discriminator(images)
    assert images.shape == (2, 1, 32, 32)
    assert (source.shape, classes.shape) == ((2,), (2, 3))


def test_odenas_discriminator_drops_out_while_training_only():
    network = conditional_networks.OdenaDiscriminator(classes=2, size=32).eval()
    images = torch.rand(2, 1, 32, 32)
    masks = network.draw_masks(len(images), torch.Generator().manual_seed(1))
    plain, dropped = network(images)[0], network(images, masks)[0]
    assert torch.equal(plain, network(images)[0])
    assert not torch.equal(plain, dropped)


def test_weights_are_drawn_from_the_papers_normal_distribution():
    weight = build(DcganSettings(), size=64, seed=3).generator.layers[2].weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert abs(weight.mean().item()) < 1e-4


@BOTH
def test_training_leaves_a_history_and_snapshots(striped_classes, settings):
    trained = train_gan(*striped_classes, settings)
    history, kind = trained.history, synthesizers[settings.kind]
    assert [row["update"] for row in history] == list(range(1, trained.updates + 1))
    assert all(0 <= row[key] <= 1 for row in history for key in ("d_real", "d_fake"))
    assert ("class_real" in history[0]) == (settings.kind == "acgan")
    assert not any(math.isnan(value) for row in history for value in row.values())
    panels = {title: set(panel) for title, panel in kind.history.items()}
    assert set.union({"update"}, *panels.values()) - panels["Samples"] == set(history[0])
    assert trained.snapshot_updates == [(trained.updates + 1) // 2, trained.updates]
    classes = 2 if settings.kind == "acgan" else 1
    assert [snapshot.shape for snapshot in trained.snapshots] == 2 * [(classes, 8, 32, 32)]


class Killed(Exception):
    pass


@pytest.mark.parametrize("settings", [DCGAN, ACGAN, *OPTED], ids=["dcgan", "acgan", *OPTED_IDS])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    striped_classes, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "ROWS", 3)  # after 5, 10 and 15 updates, and the snapshot's 8
    straight = trained_to_its_end(watched(gan_training(*striped_classes, settings)))
    checkpoint = Checkpoint(tmp_path, "key", every=0)

    def save_and_die(state):
        Checkpoint.save(checkpoint, state)
        if state["update"] == 8:
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    dying = watched(gan_training(*striped_classes, settings, checkpoint=checkpoint))
    with pytest.raises(Killed):
        trained_to_its_end(dying)
    again = Checkpoint(tmp_path, "key", every=1e9)
    resumed = gan_training(*striped_classes, settings, checkpoint=again)
    assert (resumed.update, len(resumed.history), len(resumed.snapshots)) == (8, 2, 1)
    resumed = trained_to_its_end(watched(resumed))
    assert same(straight.gan, resumed.gan)
    assert resumed.history == straight.history
    assert [row["update"] for row in resumed.history if "near_duplicates" in row] == [8, 15]
    assert torch.equal(torch.stack(resumed.snapshots), torch.stack(straight.snapshots))


@pytest.mark.parametrize("settings", OPTED, ids=OPTED_IDS)
def test_all_options_train_under_bfloat16_autocast(striped_classes, settings):
    device = Device(torch.device("cpu"), bfloat16=True)
    trained = train_gan(*striped_classes, settings, device=device)
    assert np.isfinite([list(row.values()) for row in trained.history]).all()
    assert all(value.isfinite().all() for value in trained.state_dict().values())


def test_the_discriminator_of_a_longer_training_tells_noise_from_stripes(striped_classes):
    images, labels = striped_classes
    settings = DCGAN.model_copy(update={"epochs": 6, "learning_rate": 0.002})
    gan = train_gan(images[labels == 1], labels[labels == 1], settings).gan
    noise = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    real = torch.from_numpy(images[labels == 1])[:, None].float() / 127.5 - 1
    gan.eval()
    with torch.no_grad():
        assert gan.discriminator(real)[0].mean() > gan.discriminator(noise)[0].mean()


def plain_update(gan, settings, real, z):
    """Do one update of a DCGAN as the paper has it: torch.optim, no autocast, no channels last."""
    rates = {"lr": settings.learning_rate, "betas": (settings.beta1, settings.beta2)}
    of_d = torch.optim.Adam(gan.discriminator.parameters(), **rates)
    of_g = torch.optim.Adam(gan.generator.parameters(), **rates)

    def loss(images, target):
        scores = gan.discriminator(images)[0]
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))

    fake = gan.generator(z)
    loss_d = loss(real, 1.0) + loss(fake.detach(), 0.0)
    loss_d.backward()
    of_d.step()
    loss_g = loss(fake, 1.0)
    of_g.zero_grad()
    loss_g.backward()
    of_g.step()
    return loss_d.item(), loss_g.item()


def test_one_update_of_a_dcgan_is_that_of_a_plain_loop(striped_classes):
    images, labels = striped_classes
    training = gan_training(images, labels, DCGAN)
    _, index, z, _ = inputs = training.sample_inputs(0)
    plain = build(DCGAN, seed=5)
    assert same(plain, training.gan)
    real = torch.from_numpy(images[index])[:, None].float() / 127.5 - 1
    losses = plain_update(plain, DCGAN, real, z)
    training.step(*inputs)
    plain.average.load_state_dict(training.gan.average.state_dict())
    assert training.totals["loss_d"].item() == pytest.approx(losses[0], abs=1e-5)
    assert training.totals["loss_g"].item() == pytest.approx(losses[1], abs=1e-5)
    for (name, one), other in zip(
        training.gan.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5, msg=name)


def test_the_average_follows_the_generator_and_its_statistics(striped_classes):
    training = gan_training(*striped_classes, DCGAN)
    expected = {k: v.clone() for k, v in training.gan.generator.state_dict().items()}
    for update in range(4):
        training.step(*training.sample_inputs(update))
        decay = (1 + update) / (10 + update)
        for name, value in training.gan.generator.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value
    for name, value in training.gan.average.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, expected[name])


def test_averaged_weights_draw_other_images_than_raw_ones_of_the_same_training(striped_classes):
    gan = train_gan(*striped_classes, ACGAN).gan
    averaged = ACGAN.model_copy(update={"weights": "averaged"})
    assert not np.array_equal(draw(gan, [0, 1]), draw(gan, [0, 1], settings=averaged))
    assert same(gan, train_gan(*striped_classes, averaged).gan)


def test_a_budget_of_updates_takes_the_place_of_epochs(striped_classes):
    trained = train_gan(*striped_classes, DCGAN.model_copy(update={"updates": 4}))
    assert trained.updates == 4
    assert [row["update"] for row in trained.history] == [1, 2, 3, 4]
    assert trained.snapshot_updates == [2, 4]


def test_with_a_product_every_feature_of_z_is_scaled_by_the_class():
    gan = build(ACGAN, classes=2, seed=9)
    z, labels = torch.randn(3, 8), torch.tensor([0, 1, 1])
    scaled = z * gan.generator.embedding.weight[labels]
    torch.testing.assert_close(gan.generator(z, labels), gan.generator.body(scaled))
    concatenated = ACGAN.model_copy(update={"conditioning": "concatenation"})
    generator = build(concatenated, classes=2).generator
    assert generator.embedding.weight.shape == (2, 4)
    assert generator(z, labels).shape == (3, 1, 32, 32)


def test_fewer_samples_are_the_head_of_more_and_come_again_from_the_state_dict():
    gan = build(ACGAN, classes=2, seed=9)
    few, more = draw(gan, [1] * 70), draw(gan, [1] * 150)
    assert few.shape == (70, 32, 32)
    assert few.dtype == np.uint8
    np.testing.assert_array_equal(few, more[:70])
    assert len(draw(gan, [])) == 0
    again = build(ACGAN, classes=2, seed=None)
    again.load_state_dict(gan.state_dict())
    np.testing.assert_array_equal(few, draw(again, [1] * 70))


def test_an_acgan_draws_another_image_for_another_class():
    gan = build(ACGAN, classes=2, seed=9)
    one, other = (draw(gan, [label] * 4) for label in (0, 1))
    assert not np.array_equal(one, other)


def test_an_image_depends_on_its_label_and_not_on_those_of_the_others():
    gan = build(ACGAN, classes=2, seed=9)
    mixed, ones = draw(gan, [1, 0, 1, 0, 1]), draw(gan, [1] * 5)
    np.testing.assert_array_equal(mixed[[0, 2, 4]], ones[[0, 2, 4]])
    assert not np.array_equal(mixed[1], ones[1])


@pytest.mark.parametrize(
    ("settings", "names"),
    [(DCGAN, ["along", "across"]), (ACGAN, ["all"])],
    ids=["dcgan", "acgan"],
)
def test_a_dcgan_has_a_network_a_class_that_sees_its_class_alone(
    striped_classes, settings, names, tmp_path, monkeypatch
):
    images, labels = striped_classes
    classes, kind, seen = ["along", "across"], synthesizers[settings.kind], []
    training = type(kind).training

    def watched(kind, data, *args, **options):
        seen.append(data)
        return training(kind, data, *args, **options)

    monkeypatch.setattr(type(kind), "training", watched)
    trained = train_fold(
        kind,
        settings,
        TrainingSet(images, 1 - labels, ("roi",) * len(images), ("a",)),
        synthesizer="mine",
        classes=classes,
        seed_of=len,
        device=CPU,
        checkpoints=CheckpointFolder(tmp_path, "job", "key"),
    )
    assert list(trained.networks) == names
    for name, data in zip(names, seen, strict=True):
        expected = images if name == "all" else images[labels == (name == "along")]
        np.testing.assert_array_equal(data.images, expected)
        assert list(data.classes) == (classes if name == "all" else [name])
    assert {row["network"] for row in trained.history} == set(names)
    assert set(trained.progress) == {"updates", "images/across", "images/along"}
    loaded = load_networks(kind, settings, trained.state(), classes=classes, size=32)
    assert list(loaded) == names
    drawn = [
        draw_samples(kind, found, 2, seed_of=len, device=CPU)
        for found in (trained.networks, loaded)
    ]
    for label in classes:
        assert drawn[0][f"images/{label}"].shape == (2, 32, 32)
        np.testing.assert_array_equal(drawn[0][f"images/{label}"], drawn[1][f"images/{label}"])


@pytest.mark.parametrize(
    "wrong", [lambda x: x / 255, lambda x: x[:, :16], lambda x: x[:-1], lambda x: x[:, None]]
)
def test_samples_of_another_type_or_shape_are_refused(monkeypatch, wrong):
    kind = synthesizers["acgan"]
    network = TrainedNetwork({}, ACGAN, ("across",), 32)
    images = np.zeros((3, 32, 32), np.uint8)
    monkeypatch.setattr(type(kind), "sample", lambda *_, **__: wrong(images))
    with pytest.raises(TypeError, match=r"acgan: `sample` gives .*uint8 \[3, 32, 32\] is right"):
        draw_samples(kind, {"all": network}, 3, seed_of=len, device=CPU)
