"""DiffAugment: what each augmentation does, and that the generator learns through it."""

import pytest
import torch
from torch import nn

from augtrial.synthesizers.shared.diff_augment import AUGMENTATIONS, DiffAugment
from augtrial.synthesizers.shared.networks import Discriminator

ALL = list(AUGMENTATIONS)
EACH = pytest.mark.parametrize("name", ALL)


def images(count=6, side=32, seed=1):
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, side, side, generator=chance) * 2 - 1


def chances(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def augmenter(names=ALL):
    return DiffAugment(Discriminator(channels=[4, 4, 4], kernel=3), names)


def test_a_shift_moves_by_up_to_an_eighth_of_the_side_and_fills_with_zero():
    plain = images(3)
    moved = AUGMENTATIONS["shift"](plain, chances([0.5, 0.5], [0.0, 0.5], [0.5, 0.999]))
    assert torch.equal(moved[0], plain[0])
    assert torch.equal(moved[1, 0, :28], plain[1, 0, 4:])
    assert not moved[1, 0, 28:].any()
    assert torch.equal(moved[2, 0, :, 4:], plain[2, 0, :, :28])
    assert not moved[2, 0, :, :4].any()


def test_a_cutout_hides_half_of_the_side_where_no_edge_cuts_it():
    plain = torch.ones(3, 1, 32, 32)
    cut = AUGMENTATIONS["cutout"](plain, chances([0.5, 0.5], [0.0, 0.0], [0.5, 0.999]))
    hidden = cut[:, 0] == 0
    assert hidden.flatten(1).sum(dim=1).tolist() == [16 * 16, 8 * 8, 16 * 8]
    assert hidden[0, 8:24, 8:24].all()
    assert hidden[1, :8, :8].all()
    assert hidden[2, 8:24, 24:].all()


def test_a_contrast_keeps_the_brightness_of_each_image():
    plain = images(3)
    changed = AUGMENTATIONS["contrast"](plain, chances([0.0, 0], [0.5, 0], [0.999, 0]))
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), plain.mean(dim=(1, 2, 3)))
    spread = changed.flatten(1).std(dim=1) / plain.flatten(1).std(dim=1)
    torch.testing.assert_close(spread, torch.tensor([0.5, 1.0, 1.499]))


@EACH
def test_the_same_chance_gives_the_same_image_and_each_image_has_its_own(name):
    augmented = augmenter([name])
    plain = images(1).expand(6, -1, -1, -1)
    chance = [augmented.draw_masks(6, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    one, same, other = (augmented.augment(plain, drawn) for drawn in chance)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert len({image.numpy().tobytes() for image in one}) > 3


@EACH
def test_the_gradient_at_an_image_comes_from_where_its_pixels_went(name):
    plain = images(2, side=16).double().requires_grad_()
    chance = chances([0.1, 0.8], [0.6, 0.3]).double()
    assert torch.autograd.gradcheck(lambda x: AUGMENTATIONS[name](x, chance), plain)


def test_the_network_sees_augmented_images_its_own_masks_and_without_chance_the_images():
    class Seen(nn.Module):
        def draw_masks(self, count, generator):
            return (torch.ones(count, 3),)

        def forward(self, images, masks=(), labels=None):
            self.seen = images, masks, labels
            return images.mean(dim=(1, 2, 3)), None

    network, plain, labels = Seen(), images(), torch.arange(6)
    augmented = DiffAugment(network, ALL)
    masks = augmented.draw_masks(6, torch.Generator().manual_seed(1))
    assert [tuple(mask.shape) for mask in masks] == [(6, 2)] * 3 + [(6, 3)]
    augmented(plain, masks, labels)
    expected = plain
    for name, drawn in zip(ALL, masks, strict=False):
        expected = AUGMENTATIONS[name](expected, drawn)
    assert torch.equal(network.seen[0], expected)
    assert torch.equal(network.seen[1][0], masks[-1])
    assert network.seen[2] is labels
    augmented(plain)
    assert network.seen[0] is plain
