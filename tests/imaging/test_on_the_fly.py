import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from augtrial.config.cohort import ClassicSettings
from augtrial.imaging.affine_augmentation import apply_variants, sample_variants
from augtrial.imaging.context import Context
from augtrial.imaging.on_the_fly import DeviceVariants, OnlineVariants
from augtrial.imaging.resampler import CropFrame
from augtrial.imaging.resampler_torch import Pictures
from small_networks import CPU

SIZE = 32


def picture(height: int, width: int, diameter: float, seed: int) -> Context:
    """Return a picture with grain and a bright disc that reaches near to one border."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    row, column = np.ogrid[:height, :width]
    x, y = width - diameter, height / 2
    disc = np.hypot(row - y, column - x) < diameter / 2
    pixels = 0.4 + 0.3 * gaussian_filter(disc.astype(float), 1) + 0.2 * gaussian_filter(noise, 1.5)
    frame = CropFrame(x=x, y=y, side=1.6 * diameter)
    pixels = pixels.clip(0, 1).astype(np.float32)
    return Context(pixels, disc, frame, diameter, (0, 0), (height, width))


# Small enough to be enlarged, large enough to be smoothed first, and one of another shape.
LESIONS = [picture(60, 50, 12, 1), picture(130, 160, 45, 2), picture(40, 90, 20, 3)]
SETTINGS = ClassicSettings()


def assert_equal_but_for_rounding(images: np.ndarray, expected: np.ndarray) -> None:
    levels = np.abs(images.astype(float) - expected)
    assert (levels <= 1.01).mean() >= 0.999
    assert levels.max() <= 8
    assert levels.mean() < 0.05


@pytest.mark.parametrize("lesion", range(len(LESIONS)))
def test_variants_resampled_on_a_device_are_the_stored_ones(lesion):
    context = LESIONS[lesion]
    variants = sample_variants(context.diameter, SETTINGS, np.random.default_rng(5))[:60]
    stored = apply_variants(context, variants, SIZE)
    pictures = Pictures(LESIONS, SIZE, margin=SETTINGS.scale_range[1], device=CPU.torch)
    maps = np.stack([variant.frame(context.frame).matrix(SIZE) for variant in variants])
    images = pictures.resample(
        torch.full((len(variants),), lesion), torch.from_numpy(maps.astype(np.float32))
    )
    assert_equal_but_for_rounding(255 * images[:, 0].numpy(), stored)


def test_online_variants_are_the_same_on_a_device():
    options = LESIONS, SETTINGS, SIZE
    on_cpu = OnlineVariants(*options, seed=4)
    on_device = DeviceVariants(*options, seed=4, device=CPU.torch)
    chosen = np.array([2, 7, 0, 1, 0, 9])  # images from 3 on are no lesions
    batch = torch.rand(6, 1, SIZE, SIZE)
    shown = [
        variants.insert(batch, *variants.sample_inputs(chosen, update=3))
        for variants in (on_cpu, on_device)
    ]
    assert_equal_but_for_rounding(*(255 * images.numpy() for images in shown))
    for images in shown:
        assert torch.equal(images[[1, 5]], batch[[1, 5]])
        assert not torch.equal(images[2], images[4])  # one lesion twice: two variants of it


def test_an_update_draws_variants_of_its_own():
    online = OnlineVariants(LESIONS, SETTINGS, SIZE, seed=4)
    first, again, later = (online.sample_inputs(np.arange(3), update)[1] for update in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
