import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from augtrial.fidelity.fitness import fine_detail, fitness_measures, layout, near_duplicates


class Pixels:
    """The images' own pixels as features."""

    name = "pixels"

    def extract(self, images):
        return images.reshape(len(images), -1) / 255


def blobs(number, seed, bright=120):
    """Return lesions of any size and place on a grained background: uint8 [n, 32, 32]."""
    generator = np.random.default_rng(seed)
    row, column = np.mgrid[:32, :32]
    images = []
    for y, x, radius in generator.uniform([10, 10, 4], [22, 22, 9], (number, 3)):
        disc = np.hypot(row - y, column - x) < radius
        images.append(80 + bright * disc + generator.normal(0, 10, (32, 32)))
    return np.clip(images, 0, 255).astype(np.uint8)


SEEN, UNSEEN, VARIANTS = blobs(40, 1), blobs(15, 2), blobs(100, 3)


def measured(images, *, seen=SEEN, unseen=UNSEEN, called="round"):
    predicted = {"samples/round": [called] * len(images), "unseen/round": ["round"] * len(unseen)}
    predicted = {key: np.array(names) for key, names in predicted.items()}
    by_class = ({"round": each} for each in (images, seen, unseen, VARIANTS))
    table = fitness_measures(*by_class, Pixels(), predicted)
    return table.set_index("measure")[["value", "reference"]]


def test_new_lesions_of_the_same_kind_measure_as_real_ones_do():
    found = measured(blobs(100, 4))
    assert found.loc["coverage", "value"] == pytest.approx(
        found.loc["coverage", "reference"], abs=0.2
    )
    assert found.loc["near-duplicates", "value"] <= 0.15
    assert found.loc["layout KID", "value"] < 0.5
    assert found.loc["fine detail", "value"] == pytest.approx(1, abs=0.1)
    assert found.loc["class consistency"].tolist() == [1, 1]


@pytest.mark.parametrize("lesions", [1, 3])
def test_a_synthesizer_that_collapsed_repeats_and_does_not_cover(lesions):
    found = measured(np.tile(blobs(lesions, 4), (100 // lesions, 1, 1)))
    assert found.loc["near-duplicates", "value"] == 1
    assert found.loc["coverage", "value"] < 0.5 * found.loc["coverage", "reference"]


def test_images_that_repeat_but_for_noise_are_near_duplicates():
    generator = np.random.default_rng(1)
    images = np.repeat(blobs(5, 4), 20, axis=0) + generator.normal(0, 8, (100, 32, 32))
    assert measured(images.clip(0, 255).astype(np.uint8)).loc["near-duplicates", "value"] > 0.9


def test_grain_and_blur_change_the_fine_detail():
    images, generator = blobs(100, 4).astype(float), np.random.default_rng(1)
    grain = np.clip(images + generator.normal(0, 50, images.shape), 0, 255).astype(np.uint8)
    blur = gaussian_filter(images, (0, 3, 3)).astype(np.uint8)
    assert measured(grain).loc["fine detail", "value"] > 3
    assert measured(blur).loc["fine detail", "value"] < 1 / 3


def test_other_shapes_are_far_in_layout():
    assert measured(255 - blobs(100, 4)).loc["layout KID", "value"] > 2


def test_samples_that_are_called_another_class_are_inconsistent():
    assert measured(blobs(100, 4), called="long").loc["class consistency"].tolist() == [0, 1]


@pytest.mark.parametrize(("seen", "unseen"), [(9, 15), (40, 9)])
def test_few_lesions_estimate_nothing(seen, unseen):
    found = measured(blobs(100, 4), seen=SEEN[:seen], unseen=UNSEEN[:unseen])
    assert found.isna().all(axis=None)


def test_a_layout_is_the_mean_of_blocks():
    images = np.zeros((1, 64, 64), np.uint8)
    images[0, :4, :4] = 255
    expected = np.zeros(256)
    expected[0] = 1
    np.testing.assert_allclose(layout(images)[0], expected)


def test_detail_is_that_of_the_median_image_and_no_level_counts():
    assert fine_detail(np.full((3, 16, 16), 200, np.uint8)) == 0
    assert near_duplicates(blobs(30, 5), blobs(30, 5)) < 0.2
