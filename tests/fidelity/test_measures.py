import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from augtrial.fidelity import measures
from augtrial.fidelity.measures import density_coverage, fid, kid, nearest


def draw(number, shift=0.0, width=12, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (number, width)).astype(np.float64)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_kid_is_that_of_torch_fidelity(shift):
    one, other = draw(700), draw(700, shift, seed=1)
    options = {"kid_subsets": 1, "kid_subset_size": 700, "verbose": False}
    theirs = kid_features_to_metric(torch.from_numpy(one), torch.from_numpy(other), **options)
    assert kid(one, other) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)


def test_fid_is_that_of_torch_fidelity():
    one, other = draw(700), draw(600, 0.3, seed=1) * 1.4
    statistics = [fid_features_to_statistics(torch.from_numpy(x)) for x in (one, other)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)
    assert fid(one, other) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-6)


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_density_and_coverage_are_those_of_prdc(shift, capsys):
    real, synthetic = draw(700), draw(650, shift, seed=1)
    theirs = compute_prdc(real_features=real, fake_features=synthetic, nearest_k=5)
    found = density_coverage(real, synthetic, 5)
    assert found == pytest.approx((theirs["density"], theirs["coverage"]))


def test_kid_is_unbiased_where_fid_is_not():
    small = [(kid(draw(20, seed=2 * i), draw(20, seed=2 * i + 1))) for i in range(200)]
    assert np.mean(small) == pytest.approx(0, abs=3 * np.std(small) / np.sqrt(200))
    assert fid(draw(20), draw(20, seed=1)) > fid(draw(2000), draw(2000, seed=1)) > 0


def test_fid_of_known_normals():
    """|m1 - m2|^2 + sum (s1 - s2)^2 for independent features."""
    one, other = draw(200_000, width=3), 2 * draw(200_000, width=3, seed=1) + 1
    assert fid(one, other) == pytest.approx(3 * 1 + 3 * 1, rel=0.02)


def test_a_set_is_at_no_distance_from_itself():
    features = draw(100)
    assert fid(features, features) == pytest.approx(0, abs=1e-6)
    assert nearest(features, features) == pytest.approx(np.zeros(100), abs=1e-6)


def test_one_image_repeated_covers_next_to_nothing():
    real = draw(200)
    assert density_coverage(real, np.repeat(real[:1], 200, axis=0))[1] < 0.1
    assert density_coverage(real, draw(200, seed=1))[1] > 0.8


def test_blocks_change_nothing(monkeypatch):
    real, synthetic = draw(90), draw(70, 0.2, seed=1)
    whole = kid(real, synthetic), density_coverage(real, synthetic), nearest(real, synthetic)
    monkeypatch.setattr(measures, "BLOCK", 16)
    assert kid(real, synthetic) == pytest.approx(whole[0])
    assert density_coverage(real, synthetic) == whole[1]
    np.testing.assert_allclose(nearest(real, synthetic), whole[2])
