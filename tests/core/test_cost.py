"""What networks say that they cost is what their training computes."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from augtrial.core.registry import classifiers, synthesizers
from augtrial.synthesizers.base import TrainingData
from augtrial.synthesizers.gan import GanSynthesizer
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.tasks.classification.training import ClassifierTraining
from augtrial.training.kernels import pooling
from small_networks import CPU

CLASSES, BATCH = ("a", "b", "c"), 4
GANS = [name for name, kind in synthesizers.items() if isinstance(kind, GanSynthesizer)]
WIDTHS = {  # side -> feature maps
    32: {"generator_channels": [24, 16, 8], "discriminator_channels": [8, 16, 24]},
    64: {"generator_channels": [64, 32, 16, 8], "discriminator_channels": [16, 24, 32, 64]},
}


def images(number, size):
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (number, size, size)).astype(np.uint8)


class NoModules:
    """In place of the counter's own: counts by module fail at a gradient within a gradient."""

    parents = ("Global",)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def multiply_adds(training) -> float:
    """Return the multiply-adds of one update as PyTorch counts them."""
    inputs, counter = training.sample_inputs(0), FlopCounterMode(display=False)
    counter.mod_tracker = NoModules()
    with counter:
        training.step(*inputs)
    return counter.get_total_flops() / 2


def weights(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def trained_weights(gan) -> int:
    """Return the weights that learn: the average of the generator's does not."""
    return weights(gan.generator) + weights(gan.discriminator)


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((name, {}) for name in GANS),
        ("dcgan", {"kernel": 3, "latent": 10}),
        ("dcgan", {"kernel": 7}),
        ("acgan", {"discriminator": "odena"}),
    ],
    ids=[*GANS, "kernel 3", "kernel 7", "odena"],
)
def test_a_gan_costs_what_it_says(kind, options, size):
    kind = synthesizers[kind]
    settings = kind.Settings(batch=BATCH, **WIDTHS[size], **options)
    classes = CLASSES if kind.is_joint else CLASSES[:1]
    data = TrainingData(images(40, size), np.arange(40) % len(classes), classes)
    training = kind.training(data, settings, seed=1, device=CPU)
    cost = kind.cost(settings, classes=len(classes), size=size)
    assert cost.weights == trained_weights(training.gan)
    assert cost.multiply_adds == pytest.approx(multiply_adds(training), rel=0.05)


@pytest.mark.parametrize("kind", GANS)
def test_the_papers_gans_have_the_weights_that_they_say(kind):
    kind = synthesizers[kind]
    settings, size = kind.Settings(), 64
    # Spectral norm computes while it is built, which "meta" cannot.
    with torch.device("cpu" if getattr(settings, "spectral_norm", False) else "meta"):
        networks = [
            kind.generator(settings, classes=3),
            kind.discriminator(settings, classes=3, size=size),
        ]
    assert kind.cost(settings, classes=3, size=size).weights == sum(map(weights, networks))


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("channels", [[32], [16, 32, 32], [64, 96, 128]])
def test_a_flow_costs_what_it_says(size, channels):
    kind = synthesizers["flow"]
    settings = kind.Settings(batch=BATCH, channels=channels)
    data = TrainingData(images(8, size), np.arange(8) % 3, CLASSES)
    training = kind.training(data, settings, seed=1, device=CPU)
    cost = kind.cost(settings, classes=3, size=size)
    assert cost.weights == weights(training.network)
    assert cost.multiply_adds == pytest.approx(multiply_adds(training), rel=0.05)


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("channels", [[32, 64, 128], [5, 7]])
def test_a_classifier_costs_what_it_says(size, channels, monkeypatch):
    monkeypatch.setattr(pooling, "has_numba", lambda: False)  # PyTorch cannot count compiled loops
    settings = FridAdarSettings(channels=channels, batch=BATCH)
    labels = np.arange(8) % len(CLASSES)
    options = {"updates": 2, "full_batches": True, "classes": len(CLASSES), "seed": 1}
    training = ClassifierTraining(images(8, size), labels, settings, device=CPU, **options)
    cost = classifiers["frid_adar"].cost(settings, classes=len(CLASSES), size=size)
    assert cost.weights == weights(training.network)
    assert cost.multiply_adds == pytest.approx(multiply_adds(training), rel=0.05)
