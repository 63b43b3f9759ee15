import warnings
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from augtrial.statistics.discordance import sparse_limits
from augtrial.statistics.intervals import (
    MIN_CARRYING,
    carrying_patients,
    crossed_interval,
    crossed_variance,
    difference_interval,
    effective_trials,
    proportion_interval,
    stability,
    strata,
    whole,
)

TERMS = ("v_patient", "v_replicate", "v_residual")


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
    table = np.array([[1.0, 2.0, 6.0], [3.0, 7.0, 5.0], [2.0, 0.0, 1.0]])
    interval = crossed_interval(table)
    assert interval.v_patient == pytest.approx(table.mean(axis=1).var(ddof=1) / 3)
    assert interval.v_replicate == pytest.approx(table.mean(axis=0).var(ddof=1) / 3)
    centred = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    assert interval.v_residual == pytest.approx((centred**2).sum() / (2 * 2) / 9)


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


def test_equal_values_give_an_interval_without_width():
    interval = crossed_interval(np.full((5, 4), 0.1 + 0.2))
    assert interval.low == interval.high == pytest.approx(0.3)
    assert interval.se == 0
    assert np.isnan(interval.df)


@pytest.mark.parametrize("shape", [(25, 1), (25, 2), (1, 7), (0, 3)])
def test_too_few_patients_or_replicates_give_no_interval(shape):
    values = np.random.default_rng(0).random(shape)
    assert np.isnan(astuple(crossed_interval(values))).all()
    single, _ = proportion_interval(values, trials=25)
    paired, p = difference_interval(values, trials=25)
    assert np.isnan([*astuple(single), *astuple(paired), p]).all()


def test_a_part_of_a_single_patient_or_a_missing_value_gives_no_interval():
    values = np.random.default_rng(0).random((25, 4))
    lone = strata(np.array([24, 1]), np.array([24, 1]))
    assert np.isnan(crossed_interval(values, parts=lone).se)
    values[3, 2] = np.nan
    assert np.isnan(crossed_interval(values).se)


@pytest.mark.parametrize("patients", [2, 53])
def test_one_part_has_the_degrees_of_freedom_of_its_patients(patients):
    one = strata(np.array([60]), np.array([patients]))
    assert astuple(one) == pytest.approx((patients - 1, patients / (patients - 1)))
    assert whole(patients, 1.5).factor == pytest.approx(1.5 * one.factor)


def test_parts_by_hand():
    """4 and 12 lesions have 3/4 and 1/4 of the variance."""
    found = strata(np.array([4, 12]), np.array([3, 10]))
    assert found.df == pytest.approx(1 / (0.75**2 / 2 + 0.25**2 / 9))
    assert found.factor == pytest.approx(0.75 * 3 / 2 + 0.25 * 10 / 9)
    assert found.df < strata(np.array([12, 12]), np.array([10, 10])).df


def test_parts_make_the_variance_of_a_macro_mean_unbiased_and_its_spread_that_of_the_df():
    """Three and thirty patients, centred by class; a variance of df degrees varies by 2 / df."""
    rng, sizes = np.random.default_rng(1), (3, 30)
    parts, patients = strata(np.array(sizes), np.array(sizes)), sum(sizes)
    found = []
    for _ in range(2000):
        psi = [patients / 2 / n * (x - x.mean()) for n in sizes for x in [rng.standard_normal(n)]]
        values = np.repeat(np.concatenate(psi)[:, None], 3, axis=1)
        found.append(crossed_interval(values, parts=parts).se ** 2)
    truth = (1 / 3 + 1 / 30) / 4
    assert np.mean(found) == pytest.approx(truth, rel=0.06)
    assert np.var(found) == pytest.approx(2 / parts.df * truth**2, rel=0.2)


def test_variances_of_many_studies_are_those_of_each():
    rng = np.random.default_rng(4)
    each = [crossed_interval(crossed_table(rng, 20, 6, s, 0.2, 1)) for s in (0, 0.3, 2)]
    terms = tuple(np.array([[getattr(one, name) for one in each]]) for name in TERMS)
    variance, df = crossed_variance(terms, (19, 5, 95))
    np.testing.assert_allclose(np.sqrt(variance), [[one.se for one in each]])
    np.testing.assert_allclose(df, [[one.df for one in each]])


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


def test_the_interval_of_a_proportion_is_that_of_its_logit():
    """By the delta method the logit varies by se / (p (1 - p))."""
    values = (np.random.default_rng(0).random((60, 6)) < 0.9).astype(float)
    plain, mean = crossed_interval(values), values.mean()
    interval, wilson = proportion_interval(values, trials=60)
    reach = stats.t.ppf(0.975, plain.df) * plain.se / (mean * (1 - mean))
    logit = np.log(mean / (1 - mean)) + np.array([-reach, reach])
    assert not wilson
    assert (interval.low, interval.high) == pytest.approx(tuple(1 / (1 + np.exp(-logit))))


answers = st.tuples(st.integers(2, 12), st.integers(3, 5)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 1.0]))
)


@given(answers)
def test_errors_and_hits_have_mirrored_intervals_within_bounds(values):
    interval, wilson = proportion_interval(values, trials=len(values))
    errors, also = proportion_interval(1 - values, trials=len(values))
    assert 0 <= interval.low <= values.mean() + 1e-9
    assert values.mean() - 1e-9 <= interval.high <= 1
    assert (1 - errors.high, 1 - errors.low) == pytest.approx((interval.low, interval.high))
    assert wilson is also


def test_wilson_steps_in_for_an_auc_only_without_variance():
    values = np.ones((53, 10))
    values[0, 0] = 0.9
    assert not proportion_interval(values, trials=53, counted=False)[1]
    assert proportion_interval(np.ones((53, 10)), trials=53, counted=False)[1]


def test_the_p_value_of_a_difference_fits_its_t_interval():
    """At the confidence 1 - p, one limit of the interval is zero."""
    values = np.random.default_rng(0).normal(0.05, 0.3, (113, 6))
    _, p = difference_interval(values, 113, counted=False)
    interval, _ = difference_interval(values, 113, confidence=1 - p, counted=False)
    assert interval.low == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("trials", [9, 113])
def test_two_arms_that_agree_on_every_lesion_may_still_differ(trials):
    interval, p = difference_interval(np.zeros((113, 6)), trials)
    z2 = stats.norm.ppf(0.975) ** 2
    assert interval.high == -interval.low == pytest.approx(z2 / (trials + z2))
    assert (interval.se, interval.df, p) == (1 / trials, 112, 1)


@given(st.floats(-0.95, 0.95), st.floats(3, 500), st.sampled_from([0.9, 0.95]))
def test_sparse_limits_are_the_roots_of_the_score_equation(difference, trials, confidence):
    low, high = sparse_limits(difference, trials, confidence)
    z2 = stats.norm.ppf((1 + confidence) / 2) ** 2
    assert low <= difference <= high
    for d in (low, high):
        if d != difference:
            assert (difference - d) ** 2 == pytest.approx(z2 * abs(d) * (1 - abs(d)) / trials)


@pytest.mark.parametrize("more", [0, 4, 20])
def test_the_far_limit_is_tangos(more):
    """The score test of the difference with `more` pairs in one direction, none in the other."""
    n, limit = 113, sparse_limits(more / 113, 113, 0.95)[1]
    b = -more + (2 * n - more) * limit  # Tango, section 2: p21 solves 2n p21^2 + b p21 = 0
    p21 = max(0, -b / (2 * n))
    score = (more - n * limit) / np.sqrt(n * (2 * p21 + limit * (1 - limit)))
    assert score == pytest.approx(stats.norm.ppf(0.025))


discordant = st.tuples(st.integers(3, 30), st.integers(3, 6)).flatmap(
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, -1.0]))
)


@given(discordant)
def test_a_difference_has_the_t_interval_at_least_and_the_exchanged_one_its_mirror(values):
    interval, p = difference_interval(values, len(values))
    plain, mean = crossed_interval(values), values.mean()
    assert -1 <= interval.low <= mean + 1e-9
    assert mean - 1e-9 <= interval.high <= 1
    assert interval.low <= max(plain.low, -1) + 1e-9
    assert interval.high >= min(plain.high, 1) - 1e-9
    mirror, same = difference_interval(-values, len(values))
    assert (-mirror.high, -mirror.low, same) == pytest.approx((interval.low, interval.high, p))


@given(discordant)
def test_replicates_are_worth_one_to_all_of_their_number(values):
    replicates = values.shape[1]
    patients = len(values)
    assert 1 / replicates <= stability(values, patients) <= 1 + 1e-9
    again = np.repeat(values[:, :1], replicates, axis=1)
    assert stability(again, patients) == pytest.approx(1)


def test_one_error_that_differs_between_replicates_is_no_evidence_that_others_will():
    values = np.zeros((60, 6))
    none, _ = difference_interval(values, 60)
    values[0, 0] = 1
    one, _ = difference_interval(values, 60)
    assert one.high > 0.9 * none.high
    assert stability(values, 60) > 0.7


def test_stable_errors_leave_more_room_than_independent_ones():
    """48 discordant answers: of eight patients in all replicates, or of 48 in one each."""
    stable, scattered = np.zeros((2, 113, 6))
    stable[:8] = 1
    scattered[np.arange(48), np.arange(48) % 6] = 1
    widths = [
        interval.high - interval.low
        for interval, _ in (difference_interval(values, 113) for values in (stable, scattered))
    ]
    assert widths[1] < 0.8 * widths[0]


def test_many_discordant_patients_leave_the_interval_as_it_is():
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], (300, 6))
    plain, (found, _) = crossed_interval(values), difference_interval(values, 300)
    assert astuple(found) == pytest.approx(astuple(plain))


def test_an_auc_that_few_patients_change_gets_no_interval():
    """The patients of one sign and size carry the variance; the others deviate by little."""
    values = np.random.default_rng(0).normal(0, 1e-4, (60, 6))
    for number in range(2, 20):
        values[number] += 0.1 * (-1) ** number
        interval, p = difference_interval(values, 60, counted=False)
        carrying = carrying_patients(values)
        assert carrying == pytest.approx(number - 1, rel=0.15)
        assert np.isnan([interval.low, interval.high, interval.se, p]).all() == (
            carrying < MIN_CARRYING
        )
    assert difference_interval(values, 60, counted=True)[0].low < 0


def test_carrying_patients_are_all_or_one_or_none():
    assert carrying_patients(np.tile([[1.0], [-1.0]], (20, 3))) == pytest.approx(40)
    assert carrying_patients(np.eye(1000)[:, :1]) == pytest.approx(1, rel=0.01)
    assert carrying_patients(np.ones((20, 3))) == 0


def test_an_auc_has_no_more_degrees_of_freedom_than_carrying_patients_allow():
    values = np.zeros((60, 6))
    values[:10] = np.tile([[0.1], [-0.1]], (5, 1))
    interval, _ = difference_interval(values, 60, counted=False)
    assert carrying_patients(values) == pytest.approx(10)
    assert interval.df == pytest.approx(2 * 10 * 60 / 50)


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
