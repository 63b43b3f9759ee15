"""What the options of an adversarial synthesizer change; by default they change nothing."""

import pytest
import torch

from augtrial.core.registry import synthesizers
from augtrial.synthesizers.shared.gan_training import build_gan
from augtrial.synthesizers.shared.layers import UpsampledConv
from small_networks import ACGAN, DCGAN, gan_training

WGAN_GP = synthesizers["wgan_gp"].Settings(
    **DCGAN.model_dump(include={"latent", "generator_channels", "discriminator_channels", "batch"})
)
KINDS = pytest.mark.parametrize("settings", [DCGAN, ACGAN, WGAN_GP], ids=lambda s: s.kind)


def changed(settings, **options):
    """Return settings with other options, checked like those of a config."""
    return type(settings).model_validate({**settings.model_dump(), **options})


def build(settings, *, classes=2, size=32, seed=1):
    return build_gan(synthesizers[settings.kind], settings, classes=classes, size=size, seed=seed)


def cost(settings, *, classes=2, size=32):
    return synthesizers[settings.kind].cost(settings, classes=classes, size=size)


def describe(settings):
    return synthesizers[settings.kind].describe(settings)


def is_cost_of_its_networks(settings):
    gan = build(settings)
    networks = gan.generator, gan.discriminator
    weights = sum(p.numel() for network in networks for p in network.parameters())
    return cost(settings).weights == weights


# Upsampling ---------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_nearest_upsampling_makes_images_of_the_same_side_with_as_many_weights(settings, kernel):
    plain = changed(settings, kernel=kernel)
    nearest = changed(plain, upsampling="nearest")
    generator = build(nearest).generator
    assert generator(torch.zeros(3, 8), torch.tensor([0, 1, 1])).shape == (3, 1, 32, 32)
    assert sum(isinstance(module, UpsampledConv) for module in generator.modules()) == 3
    assert is_cost_of_its_networks(plain)
    assert is_cost_of_its_networks(nearest)
    assert cost(nearest).multiply_adds > cost(plain).multiply_adds
    assert "nearest-neighbour" in describe(nearest)
    assert "nearest-neighbour" not in describe(plain)


# Two learning rates -------------------------------------------------------------------------


@KINDS
def test_the_discriminator_learns_at_its_own_rate_and_the_generator_at_the_other(
    striped_classes, settings
):
    steps = {}
    for rate in (0, settings.learning_rate, 10 * settings.learning_rate):
        training = gan_training(
            *striped_classes, changed(settings, discriminator_learning_rate=rate)
        )
        before = [p.detach().clone() for p in training.gan.discriminator.parameters()]
        training.step(*training.sample_inputs(0))
        after = training.gan.discriminator.parameters()
        steps[rate] = max((a - b).abs().max().item() for a, b in zip(after, before, strict=True))
    same, own = steps[settings.learning_rate], steps[10 * settings.learning_rate]
    assert steps[0] == same
    assert own == pytest.approx(10 * same, rel=0.2 if settings.kind != "wgan_gp" else 0.5)
    assert "(0.001 for the discriminator)" in describe(
        changed(settings, discriminator_learning_rate=0.001)
    )
