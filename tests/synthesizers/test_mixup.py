"""Mixup: means of flat pictures of known level, and the job of a fold."""

import numpy as np
import pytest
import torch

from augtrial.core.errors import UserError
from augtrial.core.registry import synthesizers
from augtrial.jobs.synthesizers import read_networks
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from augtrial.synthesizers.untrained import choose
from small_networks import CPU
from synthesizer_fold import SynthesizerFold, samples
from tiny_fold import CLASSES

KIND = synthesizers["mixup"]


def flat(levels, lesions, **settings) -> TrainedNetwork:
    """Return what is kept of flat stored pictures of these levels."""
    images = np.broadcast_to(np.array(levels, np.uint8)[:, None, None], (len(levels), 8, 8))
    names = tuple(f"L{lesion}" for lesion in lesions)
    data = TrainingData(images.copy(), np.zeros(len(levels), int), ("cyst",), names)
    values = KIND.Settings(classic=len(levels), **settings)
    training = KIND.training(data, values, seed=1, device=CPU)
    return TrainedNetwork(training.state_dict(), values, ("cyst",), 8)


def levels(network, number, seed=3):
    """Return the level of each image, which are all flat."""
    generator = torch.Generator().manual_seed(seed)
    images = KIND.sample(network, np.zeros(number, int), generator)
    assert images.dtype == np.uint8
    assert (images == images[:, :1, :1]).all()
    return images[:, 0, 0].astype(int)


def test_an_image_lies_between_two_pictures_of_different_lesions():
    """Two lesions of two pictures each: never between the pictures of one."""
    found = levels(flat([0, 20, 220, 240], [7, 7, 9, 9], alpha=50.0), 300)
    assert found.min() > 60
    assert found.max() < 180


@pytest.mark.parametrize(("alpha", "sd"), [(0.4, 0.373), (1.0, 0.289), (8.0, 0.121)])
def test_the_weight_is_from_the_beta_distribution(alpha, sd):
    shares = levels(flat([0, 250], [0, 1], alpha=alpha), 3000) / 250
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.std() == pytest.approx(sd, abs=0.02)  # sqrt(1 / (4 (2 alpha + 1)))


def test_the_only_lesion_of_a_class_is_mixed_with_itself():
    found = levels(flat([100, 110], [4, 4]), 50)
    assert set(found) <= set(range(100, 111))
    assert set(levels(flat([100], [4]), 5)) == {100}


def test_a_class_without_lesions_is_told():
    with pytest.raises(UserError, match="class 'cyst'"):
        flat([], [])


def test_a_smaller_sample_is_the_head_of_a_larger_one():
    network = flat([0, 90, 200, 250], [0, 0, 1, 2])
    more = levels(network, 40)
    for number in (0, 1, 7, 33):
        np.testing.assert_array_equal(levels(network, number), more[:number])
    assert not np.array_equal(levels(network, 40, seed=4), more)


def test_a_lesion_of_many_pictures_is_chosen_no_more_often():
    lesions, rng = np.array([5] * 90 + [2] * 10 + [8]), np.random.default_rng(0)
    chosen = [choose(lesions, lesions != 2, rng.random(2)) for _ in range(1000)]
    assert np.mean(lesions[chosen] == 8) == pytest.approx(0.5, abs=0.05)
    assert len(set(chosen)) > 80
    assert not (lesions[chosen] == 2).any()


@pytest.mark.parametrize("classic", ["online", 8])
def test_it_is_trained_and_drawn_by_the_job_of_a_fold(tmp_path, striped_classes, classic):
    fold = SynthesizerFold(tmp_path, *striped_classes)
    folder = fold.train("mixup", {"kind": "mixup", "classic": classic, "variants": 3})
    again = fold.train("mixup", {"kind": "mixup", "classic": classic, "variants": 3}, into="again")
    assert (folder / "networks.pt").read_bytes() == (again / "networks.pt").read_bytes()
    networks = read_networks(folder / "networks.pt")
    assert list(networks) == list(CLASSES)
    for label, network in networks.items():
        state = network.state
        assert state["images"].dtype == torch.uint8
        assert len(state["lesions"].unique()) == 12
        pictures = 3 * 12 if classic == "online" else 12 + 8  # a class; 8 a part, evenly
        assert len(state["images"]) == len(state["lesions"]) == pictures
        assert samples(folder)[f"images/{label}"].shape == (10, 32, 32)
        if classic != "online":
            kept = {image.numpy().tobytes() for image in state["images"]}
            assert kept <= fold.training_images(label)


def test_it_says_how_its_images_are_made():
    assert "16 random classic variants" in KIND.describe(KIND.Settings())
    stored = KIND.describe(KIND.Settings(classic=5000, alpha=1))
    assert "5,000 classic variants per fold" in stored
    assert "Beta(1, 1)" in stored
