"""The conditional GAN: how the class enters both networks, and what it draws."""

import numpy as np
import pytest
import torch

from augtrial.config.load import read_settings
from augtrial.core.registry import synthesizers
from augtrial.synthesizers.base import TrainedNetwork
from augtrial.synthesizers.shared.gan_training import build_gan
from augtrial.synthesizers.shared.projection_networks import ClassBatchNorm
from small_networks import CGAN, gan_training, trained_to_its_end

KIND = synthesizers["cgan"]


def build(*, classes=3, seed=1):
    return build_gan(KIND, CGAN, classes=classes, size=32, seed=seed)


@pytest.fixture(scope="module")
def trained(striped_classes):
    settings = CGAN.model_copy(update={"updates": 150, "learning_rate": 0.002})
    return trained_to_its_end(gan_training(*striped_classes, settings))


def draw(training, labels, *, seed=4):
    network = TrainedNetwork(training.state_dict(), training.settings, ("across", "along"), 32)
    return KIND.sample(network, np.asarray(labels), torch.Generator().manual_seed(seed))


def test_a_class_has_its_own_scale_and_shift_of_normalised_maps():
    norm = ClassBatchNorm(2, 3)
    maps = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1] * 4)
    plain = torch.nn.functional.batch_norm(maps, None, None, training=True)
    torch.testing.assert_close(norm.of_classes(maps, labels), plain)
    with torch.no_grad():
        norm.scales[1], norm.shifts[1] = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 5.0, 0])
    scaled = norm.of_classes(maps, labels)
    torch.testing.assert_close(scaled[::2], plain[::2])
    torch.testing.assert_close(scaled[1::2, 1], 2 * plain[1::2, 1] + 5)
    torch.testing.assert_close(scaled[1::2, 2], 3 * plain[1::2, 2])


def test_a_score_is_that_of_all_images_and_the_product_with_the_class():
    network = build().discriminator.eval()
    images, labels = torch.rand(3, 1, 32, 32), torch.tensor([2, 0, 2])
    scores, class_scores = network(images, (), labels)
    features = network.layers(images).flatten(1)
    of_class = (features * network.projection.weight[labels]).sum(dim=1)
    torch.testing.assert_close(scores, network.source(features)[:, 0] + of_class)
    assert class_scores is None


def test_the_cost_has_as_many_weights_as_the_networks():
    gan = build()
    networks = gan.generator, gan.discriminator
    weights = sum(p.numel() for network in networks for p in network.parameters())
    assert KIND.cost(CGAN, classes=3, size=32).weights == weights


def test_each_class_has_other_images_and_z_matters_within_a_class(trained, striped_classes):
    images = draw(trained, [0] * 20 + [1] * 20).astype(float)
    across, along = images[:20], images[20:]
    for label, drawn in enumerate((across, along)):
        assert len({image.tobytes() for image in drawn}) == 20
        vary = drawn.std(axis=0).mean()
        assert vary > 1
        changes = [np.abs(np.diff(drawn.mean(axis=0), axis=axis)).mean() for axis in (0, 1)]
        assert np.argmax(changes) == label  # class 0 has stripes across: rows differ
    assert not np.array_equal(draw(trained, [0] * 4), draw(trained, [1] * 4))


def test_an_image_depends_on_its_label_and_not_on_those_of_the_others(trained):
    mixed, ones = draw(trained, [1, 0, 1, 0, 1]), draw(trained, [1] * 5)
    np.testing.assert_array_equal(mixed[[0, 2, 4]], ones[[0, 2, 4]])
    assert not np.array_equal(mixed[1], ones[1])


def test_its_history_is_that_of_its_loss_figure(trained):
    panels = {title: set(panel) for title, panel in KIND.history.items()}
    assert set.union({"update"}, *panels.values()) - panels["Samples"] == set(trained.history[0])
    assert all(0 <= row[key] <= 1 for row in trained.history for key in ("d_real", "d_fake"))
    assert np.isfinite([list(row.values()) for row in trained.history]).all()


def test_a_line_in_the_config_is_all_that_it_takes():
    arms = {"classic": {"classic": 9}, "gan": {"classic": 9, "synthetic": {"cgan": 5}}}
    settings = read_settings({"study": "s", "arms": arms}).used_synthesizers["cgan"]
    assert (settings.classic, settings.updates, settings.weights) == ("online", 4000, "averaged")
    words = KIND.describe(settings)
    for clause in ("spectral norm", "hinge", "by class", "projection", "4,000 updates", "variant"):
        assert clause in words
