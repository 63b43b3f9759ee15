import warnings

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from augtrial.statistics.intervals import (
    crossed_interval,
    difference_interval,
    effective_trials,
    proportion_interval,
)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def crossed_table(rng, patients, replicates, s_patient, s_replicate, s_residual):
    """A table with mean 0 and the three random effects."""
    return (
        s_patient * rng.standard_normal((patients, 1))
        + s_replicate * rng.standard_normal((1, replicates))
        + s_residual * rng.standard_normal((patients, replicates))
    )


def patient_only_interval(values):
    """What a study reports that forgets that training is random."""
    means = values.mean(axis=1)
    return stats.t.interval(0.95, len(means) - 1, means.mean(), stats.sem(means))


@pytest.mark.parametrize(
    ("patients", "replicates", "s_patient", "s_replicate", "s_residual", "naive_covers"),
    [
        (60, 6, 1.0, 0.30, 1.0, 0.85),
        (60, 10, 0.3, 0.30, 1.0, 0.75),
        (200, 6, 0.5, 0.20, 0.5, 0.70),
        (1000, 10, 1.0, 0.15, 1.0, 0.85),
    ],
)
def test_interval_covers_the_truth_where_the_patient_only_one_does_not(
    patients, replicates, s_patient, s_replicate, s_residual, naive_covers
):
    rng = np.random.default_rng(7)
    studies = 800
    covered = naive = 0
    for _ in range(studies):
        table = crossed_table(rng, patients, replicates, s_patient, s_replicate, s_residual)
        interval = crossed_interval(table)
        covered += interval.low <= 0 <= interval.high
        low, high = patient_only_interval(table)
        naive += low <= 0 <= high
    # The Monte Carlo error of a coverage of 0.95 over 800 studies is 0.008.
    assert 0.92 <= covered / studies <= 0.98
    assert naive / studies < naive_covers


def test_variance_terms_are_unbiased():
    rng = np.random.default_rng(11)
    patients, replicates, s_p, s_r, s_e = 40, 8, 0.8, 0.3, 1.2
    found = [
        crossed_interval(crossed_table(rng, patients, replicates, s_p, s_r, s_e))
        for _ in range(2000)
    ]
    residual = s_e**2 / (patients * replicates)
    expected = (s_p**2 / patients + residual, s_r**2 / replicates + residual, residual)
    terms = np.mean([(f.v_patient, f.v_replicate, f.v_residual) for f in found], axis=0)
    np.testing.assert_allclose(terms, expected, rtol=0.05)


def test_terms_are_those_of_the_two_way_layout():
    table = np.array([[1.0, 2.0], [3.0, 7.0], [2.0, 0.0]])
    interval = crossed_interval(table)
    assert interval.v_patient == pytest.approx(table.mean(axis=1).var(ddof=1) / 3)
    assert interval.v_replicate == pytest.approx(table.mean(axis=0).var(ddof=1) / 2)
    centred = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    assert interval.v_residual == pytest.approx((centred**2).sum() / (2 * 1) / 6)


def test_interaction_is_taken_away_once_and_df_are_satterthwaites():
    table = crossed_table(np.random.default_rng(2), 30, 8, 1, 1, 0.5)
    found = crossed_interval(table, confidence=0.9)
    a, b, e = found.v_patient, found.v_replicate, found.v_residual
    assert e > 0
    assert found.se**2 == pytest.approx(a + b - e)
    assert found.df == pytest.approx((a + b - e) ** 2 / (a**2 / 29 + b**2 / 7 + e**2 / (29 * 7)))
    reach = stats.t.ppf(0.95, found.df) * found.se
    assert (found.low, found.high) == pytest.approx((table.mean() - reach, table.mean() + reach))


def test_variance_is_not_below_the_larger_single_term():
    # Pure interaction: V_patient + V_replicate - V_residual would often be below either.
    rng = np.random.default_rng(3)
    for _ in range(200):
        interval = crossed_interval(crossed_table(rng, 30, 6, 0, 0, 1))
        single = max(interval.v_patient, interval.v_replicate)
        assert interval.se**2 >= single * (1 - 1e-12)
        assert interval.df >= 5


def test_one_replicate_gives_the_t_interval_of_the_patients():
    values = np.random.default_rng(0).standard_normal((25, 1))
    interval = crossed_interval(values)
    expected = stats.t.interval(0.95, 24, values.mean(), stats.sem(values[:, 0]))
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert interval.df == pytest.approx(24)
    assert np.isnan(interval.v_replicate)
    assert np.isnan(interval.v_residual)


def test_one_patient_gives_the_t_interval_of_the_replicates():
    values = np.random.default_rng(0).standard_normal((1, 7))
    interval = crossed_interval(values, confidence=0.9)
    expected = stats.t.interval(0.9, 6, values.mean(), stats.sem(values[0]))
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert np.isnan(interval.v_patient)


@pytest.mark.parametrize("shape", [(5, 4), (5, 1), (1, 4)])
def test_equal_values_give_an_interval_without_width(shape):
    interval = crossed_interval(np.full(shape, 0.1 + 0.2))
    assert interval.low == interval.high == pytest.approx(0.3)
    assert interval.se == 0
    assert np.isnan(interval.df)


@pytest.mark.parametrize("values", [np.ones((1, 1)), np.ones((0, 3)), np.full((4, 3), np.nan)])
def test_too_little_gives_no_interval(values):
    interval = crossed_interval(values)
    assert np.isnan([interval.low, interval.high, interval.se]).all()


def test_patients_and_replicates_are_exchangeable():
    table = crossed_table(np.random.default_rng(5), 9, 6, 1, 1, 1)
    one, other = crossed_interval(table), crossed_interval(table.T)
    assert (one.low, one.high, one.df) == pytest.approx((other.low, other.high, other.df))
    assert one.v_patient == pytest.approx(other.v_replicate)


@pytest.mark.parametrize(
    ("sizes", "trials"),
    [([1] * 53, 53), ([4] * 10, 10), ([9, 1], 100 / 82), ([2, 0, 2], 2), ([0], 0)],
)
def test_effective_trials_are_patients_and_fewer_if_one_of_them_has_most_lesions(sizes, trials):
    assert effective_trials(np.array(sizes)) == pytest.approx(trials)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_proportion_at_its_border_gets_wilsons_interval(value):
    interval, wilson = proportion_interval(np.full((53, 10), value), trials=53)
    expected = proportion_confint(53 * value, 53, method="wilson")
    assert wilson
    assert (interval.low, interval.high) == pytest.approx(expected)
    assert interval.se == 0


def test_one_rare_error_does_not_make_the_interval_shorter_than_none():
    values = np.ones((53, 10))
    values[0, 0] = 0
    interval, wilson = proportion_interval(values, trials=53)
    perfect, _ = proportion_interval(np.ones((53, 10)), trials=53)
    assert wilson
    assert interval.low <= perfect.low
    assert interval.low <= values.mean() <= interval.high <= 1


def test_proportions_stay_within_bounds():
    values = np.ones((6, 1))
    values[:2] = 0
    interval, wilson = proportion_interval(values, trials=6)
    assert not wilson
    assert interval.low >= 0
    assert interval.high == 1
    difference, _ = difference_interval(np.array([[1.0], [-1.0]]), max_influence=0.5)
    assert (difference.low, difference.high) == (-1, 1)


def test_a_single_patient_in_a_single_replicate_still_has_wilsons_interval():
    interval, wilson = proportion_interval(np.ones((1, 1)), trials=1)
    assert wilson
    assert (interval.low, interval.high) == pytest.approx((0.2065, 1), abs=1e-4)


def test_wilson_steps_in_for_an_auc_only_without_variance():
    values = np.ones((53, 10))
    values[0, 0] = 0.9
    assert not proportion_interval(values, trials=53, counted=False)[1]
    assert proportion_interval(np.ones((53, 10)), trials=53, counted=False)[1]


def test_the_p_value_of_a_difference_fits_its_interval():
    """At the confidence 1 - p, one limit of the interval is zero; sparse or not."""
    plenty = np.random.default_rng(0).normal(0.05, 0.3, (113, 6))
    sparse = np.zeros((113, 6))
    sparse[:2] = 1
    for values in (plenty, sparse):
        _, p = difference_interval(values, 1 / 113)
        interval, _ = difference_interval(values, 1 / 113, confidence=1 - p)
        assert interval.low == pytest.approx(0, abs=1e-9)


def test_two_arms_that_agree_on_every_lesion_may_still_differ():
    none, p = difference_interval(np.zeros((113, 6)), 1 / 113)
    assert none.high == pytest.approx(stats.t.ppf(0.975, 112) / 113)
    assert p == 1
    values = np.zeros((113, 6))
    values[0] = 1
    lone, p = difference_interval(values, 1 / 113)
    assert lone.high > none.high
    assert 0.05 < p < 1


def test_one_lesion_that_differs_once_is_no_surer_than_none():
    none, _ = difference_interval(np.zeros((113, 6)), 1 / 113)
    values = np.zeros((113, 6))
    values[0, 0] = 1
    once, _ = difference_interval(values, 1 / 113)
    assert crossed_interval(values).se < once.se == none.se
    assert once.high > none.high


def test_what_cannot_differ_does_not():
    interval, p = difference_interval(np.zeros((113, 6)), 0)
    assert (interval.low, interval.high, p) == (0, 0, 1)


def test_many_discordant_patients_leave_the_interval_as_it_is():
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (300, 6))
    plain = crossed_interval(values)
    assert difference_interval(values, 1 / 300)[0].se == plain.se


@pytest.mark.parametrize("axis", [0, 1])
def test_a_variance_that_is_one_term_has_its_degrees_of_freedom(axis):
    """Whatever the patients differ in is the same in every replicate, or the other way round."""
    effect = np.random.default_rng(3).normal(size=(40, 1)) + np.zeros((40, 5))
    noise = np.random.default_rng(4).normal(size=(40, 5))
    noise -= noise.mean(axis=0) + noise.mean(axis=1, keepdims=True) - noise.mean()
    values = effect + 0.1 * noise
    interval = crossed_interval(values if axis == 0 else values.T)
    terms = interval.v_patient, interval.v_replicate
    assert interval.se**2 == pytest.approx(max(terms))
    assert interval.df == 39
