import numpy as np
import pytest
import torch

from augtrial.checkpoints import Checkpoint
from augtrial.settings import AcganSettings, DcganSettings
from augtrial.synthesizers import acgan, dcgan
from augtrial.synthesizers.adversarial import build_pair, train_pair
from augtrial.synthesizers.samples import draw_samples, load_generator
from augtrial.synthesizers.units import train_units
from augtrial.trainingset import TrainingSet
from small_networks import CPU, SMALL_PAIR

DCGAN, ACGAN = DcganSettings(**SMALL_PAIR), AcganSettings(**SMALL_PAIR, embedding=4)


def train(images, labels, settings, **options):
    joint = settings.network == "acgan"
    labels = labels if joint else np.zeros_like(labels)
    return train_pair(
        images, labels, settings, classes=2 if joint else 1, seed=5, device=CPU, **options
    )


def same(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def parameters(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_papers_dcgan_has_the_papers_shapes():
    generator, discriminator = dcgan.Generator(), dcgan.Discriminator()
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
    settings = DcganSettings(**{**SMALL_PAIR, "kernel": kernel})
    pair = build_pair(settings, classes=1, size=32, seed=1)
    images = pair.generator(torch.zeros(2, 8))
    assert images.shape == (2, 1, 32, 32)
    assert pair.discriminator(images)[0].shape == (2,)


@pytest.mark.parametrize("judge", ["dcgan", "odena"])
def test_an_acgan_judges_source_and_class(judge):
    settings = AcganSettings(**SMALL_PAIR, discriminator=judge)
    pair = build_pair(settings, classes=3, size=32, seed=1)
    images = pair.generator(torch.zeros(2, 8), torch.tensor([0, 2]))
    source, classes = pair.discriminator(images)
    assert images.shape == (2, 1, 32, 32)
    assert (source.shape, classes.shape) == ((2,), (2, 3))


def test_odenas_discriminator_drops_out_while_training_only():
    network = acgan.OdenaDiscriminator(classes=2, size=32).eval()
    images = torch.rand(2, 1, 32, 32)
    masks = network.draw_masks(len(images), torch.Generator().manual_seed(1))
    plain, dropped = network(images)[0], network(images, masks)[0]
    assert torch.equal(plain, network(images)[0])
    assert not torch.equal(plain, dropped)


def test_weights_are_drawn_from_the_papers_normal_distribution():
    pair = build_pair(DcganSettings(), classes=1, size=64, seed=3)
    weight = pair.generator.layers[2].weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert abs(weight.mean().item()) < 1e-4


@pytest.mark.parametrize("settings", [DCGAN, ACGAN], ids=["dcgan", "acgan"])
def test_training_leaves_a_history_and_snapshots(striped_classes, settings):
    trained = train(*striped_classes, settings)
    history = trained.history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(0 <= row[key] <= 1 for row in history for key in ("d_real", "d_fake"))
    assert np.isnan(history[0]["class_real"]) == (settings.network == "dcgan")
    assert trained.epochs == [2, 3]
    classes = 2 if settings.network == "acgan" else 1
    assert [snapshot.shape for snapshot in trained.snapshots] == 2 * [(classes, 8, 32, 32)]


class Killed(Exception):
    pass


@pytest.mark.parametrize("settings", [DCGAN, ACGAN], ids=["dcgan", "acgan"])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    striped_classes, settings, tmp_path, monkeypatch
):
    straight = train(*striped_classes, settings)
    checkpoint = Checkpoint(tmp_path, "key", every=0)

    def save_and_die(state):
        Checkpoint.save(checkpoint, state)
        if state["step"] == 12:
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(Killed):
        train(*striped_classes, settings, checkpoint=checkpoint)
    again = Checkpoint(tmp_path, "key", every=1e9)
    resumed = train(*striped_classes, settings, checkpoint=again)
    assert same(straight.pair, resumed.pair)
    assert str(resumed.history) == str(straight.history)  # NaN is not equal to itself
    assert torch.equal(torch.stack(resumed.snapshots), torch.stack(straight.snapshots))


def test_the_discriminator_of_a_longer_training_tells_noise_from_stripes(striped_classes):
    images, labels = striped_classes
    settings = DCGAN.model_copy(update={"epochs": 6, "learning_rate": 0.002})
    pair = train(images[labels == 1], labels[labels == 1], settings).pair
    noise = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    real = torch.from_numpy(images[labels == 1])[:, None].float() / 127.5 - 1
    pair.eval()
    with torch.no_grad():
        assert pair.discriminator(real)[0].mean() > pair.discriminator(noise)[0].mean()


def test_fewer_samples_are_the_head_of_more_and_come_again_from_the_state_dict():
    pair = build_pair(ACGAN, classes=2, size=32, seed=9)
    few = draw_samples(pair.generator, 70, latent=8, label=1, seed=4)
    more = draw_samples(pair.generator, 150, latent=8, label=1, seed=4)
    assert few.shape == (70, 32, 32)
    assert few.dtype == np.uint8
    np.testing.assert_array_equal(few, more[:70])
    assert len(draw_samples(pair.generator, 0, latent=8, label=1, seed=4)) == 0
    again = build_pair(ACGAN, classes=2, size=32)
    again.load_state_dict(pair.state_dict())
    np.testing.assert_array_equal(few, draw_samples(again.generator, 70, latent=8, label=1, seed=4))


def test_an_acgan_draws_another_image_for_another_class():
    pair = build_pair(ACGAN, classes=2, size=32, seed=9)
    one, other = (draw_samples(pair.generator, 4, latent=8, label=k, seed=4) for k in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "units"), [(DCGAN, ["along", "across"]), (ACGAN, ["all"])], ids=["dcgan", "acgan"]
)
def test_a_dcgan_has_a_unit_a_class_that_sees_its_class_alone(
    striped_classes, settings, units, tmp_path
):
    images, labels = striped_classes
    classes = ["across", "along"]
    seen = {}

    def checkpoint_of(unit, own, own_labels):
        seen[unit] = own
        return Checkpoint(tmp_path, unit, own, own_labels)

    trained = train_units(
        TrainingSet(images, labels, ("roi",) * len(images), ("a",)),
        settings,
        learns=["along", "across"],
        classes=classes,
        seed_of=lambda unit: len(unit),
        device=CPU,
        checkpoint_of=checkpoint_of,
    )
    assert list(seen) == units
    for unit, own in seen.items():
        expected = images if unit == "all" else images[labels == classes.index(unit)]
        np.testing.assert_array_equal(own, expected)
    assert set(trained.progress) == {"epochs", "images/across", "images/along"}
    for label in classes:
        generator, index = load_generator(trained.state, label, settings, classes=classes, size=32)
        assert index == (classes.index(label) if units == ["all"] else 0)
        assert draw_samples(generator, 2, latent=8, label=index, seed=1).shape == (2, 32, 32)
