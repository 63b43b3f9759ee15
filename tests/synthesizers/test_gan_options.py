"""What the options of an adversarial synthesizer change; by default they change nothing."""

import math

import pytest
import torch
from torch import nn

from augtrial.config.load import read_settings
from augtrial.core.errors import UserError
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.shared.diff_augment import DiffAugment
from augtrial.synthesizers.shared.gan_training import Scored, build_gan, score_gradient
from augtrial.synthesizers.shared.layers import UpsampledConv
from augtrial.synthesizers.shared.spectral_norm import SpectralNorm, raw_weight
from small_networks import ACGAN, CGAN, DCGAN, gan_training, trained_to_its_end

WGAN_GP = synthesizers["wgan_gp"].Settings(
    **DCGAN.model_dump(include={"latent", "generator_channels", "discriminator_channels", "batch"})
)
GANS = pytest.mark.parametrize("settings", [DCGAN, ACGAN], ids=lambda s: s.kind)
KINDS = pytest.mark.parametrize("settings", [DCGAN, ACGAN, CGAN, WGAN_GP], ids=lambda s: s.kind)


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


def problems(settings, *, size=32):
    return list(synthesizers[settings.kind].problems(settings, size))


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


# Spectral norm ------------------------------------------------------------------------------


@GANS
def test_with_spectral_norm_no_layer_of_the_discriminator_stretches_and_none_has_batch_norm(
    striped_classes, settings
):
    normalised = changed(settings, spectral_norm=True, updates=12)
    gan = trained_to_its_end(gan_training(*striped_classes, normalised)).gan
    modules = list(gan.discriminator.modules())
    layers = [module for module in modules if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == len(settings.discriminator_channels) + 1 + (settings.kind != "dcgan")
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.05)  # the power method lags behind
        assert torch.linalg.matrix_norm(raw_weight(layer).flatten(1), 2).item() < 0.9
    assert not any(isinstance(module, nn.BatchNorm2d) for module in modules)
    assert any(isinstance(module, nn.BatchNorm2d) for module in gan.generator.modules())
    assert is_cost_of_its_networks(normalised)
    assert "spectral norm in place of" in describe(normalised)
    assert "spectral norm" not in describe(settings)


def test_spectral_norm_is_drawn_from_the_seed_and_its_gradient_is_that_of_the_quotient():
    normalised = changed(DCGAN, spectral_norm=True)
    one, same, other = (build(normalised, seed=seed).discriminator for seed in (1, 1, 2))
    norms = [
        [module.u for module in network.modules() if isinstance(module, SpectralNorm)]
        for network in (one, same, other)
    ]
    assert all(torch.equal(a, b) for a, b in zip(*norms[:2], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(norms[0], norms[2], strict=True))
    norm = SpectralNorm(3).double()
    weight = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for _ in range(200):
        norm(weight)
    norm.eval()
    assert torch.autograd.gradcheck(norm, weight.requires_grad_())
    largest = torch.linalg.matrix_norm(weight, 2)
    torch.testing.assert_close(norm(weight), weight / largest)


def test_odenas_discriminator_keeps_its_batch_norm():
    odena = changed(ACGAN, discriminator="odena")
    assert not problems(odena)
    for option in ({"spectral_norm": True}, {"r1": 1}):
        (problem,) = problems(changed(odena, **option))
        assert problem.startswith("discriminator: odena has batch norm")


# Hinge loss ---------------------------------------------------------------------------------


def scored(scores, class_scores=None):
    images = torch.zeros(len(scores), 1, 8, 8)
    labels = torch.zeros(len(scores), dtype=torch.long)
    return Scored(images, labels, torch.tensor(scores), class_scores)


@GANS
def test_a_hinge_counts_what_is_missing_to_a_margin_and_the_generator_raises_scores(settings):
    kind, hinge = synthesizers[settings.kind], changed(settings, loss="hinge")
    class_scores = None if settings.kind == "dcgan" else torch.zeros(4, 2)
    of_class = 0 if settings.kind == "dcgan" else math.log(2)
    real = scored([2.0, 0.5, -1.0, 1.0], class_scores)  # misses the margin by 0, 0.5, 2, 0
    fake = scored([-2.0, 0.5, -0.5, 1.0], class_scores)  # exceeds it by 0, 1.5, 0.5, 2
    loss = kind.discriminator_loss(hinge, real, fake, nn.Identity(), ())
    assert loss.item() == pytest.approx(2.5 / 4 + 4 / 4 + 2 * of_class)
    assert kind.generator_loss(hinge, fake).item() == pytest.approx(0.25 + of_class)
    measured = kind.measures(hinge, real, fake)
    assert (measured["d_real"].item(), measured["d_fake"].item()) == (0.75, 0.5)
    cross_entropy = kind.generator_loss(settings, scored([0.0] * 4, class_scores))
    assert cross_entropy.item() == pytest.approx(math.log(2) + of_class)
    assert "hinge loss" in describe(hinge)
    assert "hinge" not in describe(settings)


# R1 penalty ---------------------------------------------------------------------------------


class Linear(nn.Module):
    """A discriminator of known gradient: each image's product with these weights."""

    def __init__(self, weights):
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, images, masks=(), labels=None):
        return images.flatten(1) @ self.weights, None


def test_the_penalty_is_half_gamma_of_the_squared_gradient_at_real_images():
    weights = torch.linspace(-1, 1, 64)
    linear, penalised = Linear(weights), changed(DCGAN, r1=10, loss="hinge")
    real, fake = scored([1.0] * 3), scored([-1.0] * 3)  # no hinge loss
    loss = synthesizers["dcgan"].discriminator_loss(penalised, real, fake, linear, ())
    assert loss.item() == pytest.approx(5 * weights.square().sum().item())
    loss.backward()
    torch.testing.assert_close(linear.weights.grad, 10 * weights)


@GANS
def test_the_penalty_flattens_the_discriminator_at_real_images(striped_classes, settings):
    slopes = {}
    for gamma in (1e-9, 100):
        penalised = changed(settings, r1=gamma, updates=20, learning_rate=0.002)
        training = trained_to_its_end(gan_training(*striped_classes, penalised))
        gradient = score_gradient(training.gan.discriminator, training.pixels / 127.5 - 1)
        slopes[gamma] = gradient.square().sum(dim=1).mean().item()
    assert slopes[100] < slopes[1e-9] / 4
    assert not any(isinstance(m, nn.BatchNorm2d) for m in training.gan.discriminator.modules())
    assert is_cost_of_its_networks(penalised)
    dearer = (
        cost(penalised).multiply_adds - cost(changed(settings, spectral_norm=True)).multiply_adds
    )
    layers = synthesizers[settings.kind].discriminator_layers(penalised, 2, 32)
    assert dearer == settings.batch * 6 * sum(layer.multiply_adds for layer in layers)
    assert "R1 penalty with gamma 100 on a discriminator without batch norm" in describe(penalised)
    assert "R1" not in describe(settings)


# DiffAugment --------------------------------------------------------------------------------


@GANS
def test_all_that_the_discriminator_sees_is_augmented_anew_and_samples_are_not(
    striped_classes, settings, monkeypatch
):
    seen = []
    augment = DiffAugment.augment

    def watched(network, images, chance):
        seen.append((images.detach(), [drawn.clone() for drawn in chance]))
        return augment(network, images, chance)

    monkeypatch.setattr(DiffAugment, "augment", watched)
    augmented = changed(settings, diff_augment=["shift", "contrast"])
    training = gan_training(*striped_classes, augmented)
    training.step(*training.sample_inputs(0))
    assert [images.shape for images, _ in seen] == [(16, 1, 32, 32)] * 3  # real, fake, for G
    assert torch.equal(seen[1][0], seen[2][0])
    assert not torch.equal(seen[1][1][0], seen[2][1][0])
    assert all(p.grad.abs().sum() > 0 for p in training.gan.generator.parameters())
    again = gan_training(*striped_classes, augmented).sample_inputs(0)
    assert all(torch.equal(a, b) for a, b in zip(training.sample_inputs(0), again, strict=True))
    training.gan.generator(torch.zeros(2, 8), torch.tensor([0, 1]))
    assert len(seen) == 3
    assert is_cost_of_its_networks(augmented)
    assert "DiffAugment (shift, contrast)" in describe(augmented)
    assert "DiffAugment" not in describe(settings)


def test_brightness_is_no_augmentation_of_a_discriminator():
    arms = {"none": {}, "gan": {"synthetic": {"dcgan": 1}}}
    synthesizer = {"dcgan": {"kind": "dcgan", "diff_augment": ["shift", "brightness"]}}
    with pytest.raises(UserError) as caught:
        read_settings({"study": "s", "arms": arms, "synthesizers": synthesizer})
    (problem,) = caught.value.problems
    assert problem.startswith("synthesizers.dcgan.diff_augment.1: ")
    assert "'contrast'" in problem
