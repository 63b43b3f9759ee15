import numpy as np
import pandas as pd
import pytest

from augtrial.tasks.classification import baselines
from augtrial.tasks.classification.baselines import baseline_scores, fit_baseline, measure

SIDE = 32


def table(diameters):
    px = np.asarray(diameters, dtype=float)
    return pd.DataFrame(
        {"diameter_px": px, "side_px": 1.58 * px, "diameter_mm": np.nan, "label": "x"}
    )


def noise(number, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (number, SIDE, SIDE)).astype(np.uint8)


def test_size_sees_the_diameter_and_nothing_else():
    diameters = table([10, 20, 40])
    seen = measure("size", noise(3), diameters)
    np.testing.assert_allclose(np.diff(seen[:, 0]), np.log(2))
    np.testing.assert_array_equal(seen, measure("size", noise(3, seed=1), diameters))


def test_millimetres_go_before_pixels():
    both = table([10, 20]).assign(diameter_mm=[7.0, np.nan])
    np.testing.assert_allclose(measure("size", noise(2), both)[:, 0], np.log([7, 20]))


def test_a_wave_stands_in_its_own_band_of_the_spectrum():
    x = np.arange(SIDE)
    wave = np.tile(np.cos(2 * np.pi * x * 0.25), (SIDE, 1)) / 2 + 0.5
    assert baselines.spectrum(wave).argmax() == 0.25 / 0.5 * baselines.BANDS


def test_the_spectrum_does_not_see_a_shift_of_grey():
    image = noise(1)[0] / 510
    np.testing.assert_allclose(baselines.spectrum(image), baselines.spectrum(image + 0.4))


def test_texture_looks_inside_and_at_the_margin_of_the_lesion():
    y, x = np.mgrid[:64, :64] - 31.5
    for radius in (16, 24):
        disc = np.where(np.hypot(x, y) < radius, 0.2, 0.7)
        mean, spread, contrast, *_ = baselines.texture(disc, radius)
        assert (mean, spread, contrast) == pytest.approx((0.2, 0, 0.5), abs=1e-9)


@pytest.mark.parametrize("kind", ["size", "spectrum", "hand-crafted"])
@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
def test_classes_that_differ_in_everything_are_told_apart(kind, classes):
    number = 12
    images, sizes, labels = [], [], []
    for place, label in enumerate(classes):
        images.append((noise(number, seed=place) * (place + 1) / 3).astype(np.uint8))
        sizes += list(np.linspace(10, 12, number) * 2**place)
        labels += [label] * number
    features = measure(kind, np.concatenate(images), table(sizes))
    scores = baseline_scores(fit_baseline(features, labels), features, ["z", *classes])
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert (scores[:, 0] == 0).all()  # a class that no training lesion has
    right = np.take(["z", *classes], scores.argmax(axis=1)) == labels
    assert right.mean() > 0.9


def test_a_flat_roi_has_features():
    flat = np.full((2, SIDE, SIDE), 100, np.uint8)
    for kind in ("spectrum", "hand-crafted"):
        assert np.isfinite(measure(kind, flat, table([10, 20]))).all()
