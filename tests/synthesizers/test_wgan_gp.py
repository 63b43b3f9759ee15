"""WGAN-GP: its critic, its penalty, and how it enters a study."""

import numpy as np
import pytest
import torch

from augtrial.config.load import read_settings
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.shared.gan_training import Scored
from small_networks import CPU, gan_training, trained_to_its_end

KIND = synthesizers["wgan_gp"]
WIDTHS = {"generator_channels": [16, 8, 8], "discriminator_channels": [8, 8, 16]}
SMALL = KIND.Settings(**WIDTHS, latent=8, batch=4, epochs=2)


class Slope(torch.nn.Module):
    """A critic of known gradient: the mean of an image, times a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, images, masks=()):
        return self.factor * images.flatten(1).mean(dim=1), None


def scored(images, critic):
    return Scored(images, torch.zeros(len(images), dtype=torch.long), *critic(images))


@pytest.mark.parametrize(("norm", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_the_penalty_is_the_squared_distance_of_the_gradients_norm_from_one(norm, penalty):
    critic = Slope(norm * 32)  # the gradient of a mean of 1,024 pixels has the norm 1 / 32
    real, fake = torch.ones(4, 1, 32, 32), torch.full((4, 1, 32, 32), -1.0)
    chance = (torch.tensor([0.0, 0.3, 0.7, 1.0]),)
    batches = scored(real, critic), scored(fake, critic)
    loss = KIND.discriminator_loss(SMALL, *batches, critic, chance)
    assert loss.item() == pytest.approx(-2 * 32 * norm + 10 * penalty, abs=1e-3)


def test_the_generator_raises_the_critics_score():
    critic = Slope(2.0)
    assert KIND.generator_loss(SMALL, scored(torch.full((4, 1, 8, 8), 0.5), critic)).item() == -1.0


def test_the_critic_has_no_batch_norm_and_the_generator_has():
    generator = KIND.generator(SMALL, classes=1)
    critic = KIND.discriminator(SMALL, classes=1, size=32)
    kinds = [[type(module) for module in net.modules()] for net in (generator, critic)]
    assert torch.nn.BatchNorm2d in kinds[0]
    assert torch.nn.BatchNorm2d not in kinds[1]


def test_the_critic_learns_five_times_as_often_as_the_generator(striped_classes):
    images = striped_classes[0][:40]
    training = gan_training(images, np.zeros(40, int), SMALL)
    steps = {"d": 0, "g": 0}
    for name, optimiser in (("d", training.optimiser_d), ("g", training.optimiser_g)):
        plain = optimiser.step

        def counted(name=name, plain=plain):
            steps[name] += 1
            plain()

        optimiser.step = counted
    trained = trained_to_its_end(training)
    assert steps == {"d": 20, "g": 4}  # 2 epochs of 40 images, 5 batches of 4 an update
    assert set(trained.history[0]) == {"update", "loss_d", "loss_g", "score_real", "score_fake"}
    assert np.isfinite([list(row.values()) for row in trained.history]).all()


def test_a_line_in_the_config_is_all_that_it_takes():
    arms = {"classic": {"classic": 9}, "wgan": {"classic": 9, "synthetic": {"wgan_gp": 5}}}
    settings = read_settings({"study": "s", "arms": arms})
    assert settings.used_synthesizers["wgan_gp"].critic_updates == 5


def test_samples_are_drawn_by_its_trained_generator(striped_classes):
    from augtrial.synthesizers.base import TrainedNetwork

    training = trained_to_its_end(gan_training(striped_classes[0][:40], np.zeros(40, int), SMALL))
    network = TrainedNetwork(training.state_dict(), SMALL, ("a",), 32)
    images = KIND.sample(network, np.zeros(6, int), torch.Generator().manual_seed(1), device="cpu")
    assert images.shape == (6, 32, 32)
    assert images.dtype == np.uint8
    assert CPU.torch.type == "cpu"
