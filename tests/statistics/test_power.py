import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from augtrial.core.names import DIFFERENCE, NON_INFERIOR, SUPERIOR
from augtrial.statistics.intervals import difference_interval
from augtrial.statistics.power import Components, Design, PlannedContrast, power
from augtrial.statistics.verdicts import GAINS, LOSSES, NO_DIFFERENCE, NO_VERDICT

LIKELY = Components(patients=0.02, replicates=0.0002, both=0.08)
VARIANCE = st.floats(0.001, 0.2)


def design(**changes):
    plain = {"patients": 100, "df": 99.0, "trials": None, "replicates": 6}
    return Design(**{**plain, "margin": 0.03, "level": 0.05, **changes})


def power_of(truth, components=LIKELY, **changes):
    return power(PlannedContrast(components, design(**changes)).verdicts(truth))


@pytest.mark.parametrize("patients", [20, 200])
@pytest.mark.parametrize("truth", [0.02, 0.05, 0.08])
@pytest.mark.parametrize("contrasts", [1, 3])
def test_where_only_patients_vary_it_is_the_power_of_a_t_test(patients, truth, contrasts):
    only = Components(patients=0.04, replicates=0.0, both=0.0)
    planned = power_of(truth, only, patients=patients, df=patients - 1.0, contrasts=contrasts)
    told = TTestPower().power(truth / 0.2, patients, 0.05 / contrasts, alternative="two-sided")
    losses = stats.nct.cdf(
        stats.t.ppf(0.025 / contrasts, patients - 1), patients - 1, truth / 0.2 * patients**0.5
    )
    assert planned == pytest.approx(told - losses, abs=0.01)


@pytest.mark.parametrize(
    "components",
    [Components(0.04, 0.0, 0.0), Components(1e-9, 0.004, 0.0), Components(0.04, 0.004, 1e-9)],
    ids=["patients", "replicates", "both kinds"],
)
def test_without_a_difference_a_gain_or_loss_is_as_rare_as_the_level(components):
    shares = PlannedContrast(components, design()).verdicts(0.0)
    wrong = sum(share for word, share in shares.items() if word in (*GAINS, *LOSSES))
    assert wrong == pytest.approx(0.05, abs=0.01)


@settings(max_examples=25, deadline=None)
@given(VARIANCE, st.floats(0, 0.01), VARIANCE, st.floats(0, 0.1), st.integers(6, 12))
def test_a_larger_difference_more_patients_and_more_replicates_are_found_more_often(
    patients, replicates, both, truth, number
):
    components = Components(patients, replicates, both)
    planned = power_of(truth, components, replicates=number)
    slack = 0.005  # of the draws
    assert power_of(truth + 0.02, components, replicates=number) >= planned
    assert power_of(truth, components, replicates=number + 4) >= planned - slack
    more = {"patients": 200, "df": 199.0}
    assert power_of(truth, components, replicates=number, **more) >= planned - slack


@settings(max_examples=25, deadline=None)
@given(
    VARIANCE, VARIANCE, st.floats(-0.2, 0.2), st.sampled_from([DIFFERENCE, NON_INFERIOR, SUPERIOR])
)
def test_one_of_the_verdicts_is_given(patients, both, truth, question):
    planned = PlannedContrast(Components(patients, 0.0, both), design(question=question))
    assert sum(planned.verdicts(truth).values()) == pytest.approx(1)


@pytest.mark.parametrize("question", [DIFFERENCE, NON_INFERIOR, SUPERIOR])
@pytest.mark.parametrize("contrasts", [1, 4])
def test_the_smallest_detectable_difference_is_found_with_80_percent_power(question, contrasts):
    planned = PlannedContrast(LIKELY, design(question=question, contrasts=contrasts))
    assert power(planned.verdicts(planned.detectable)) == pytest.approx(0.8, abs=0.005)
    low, high = planned.stated
    assert 0 < low < high


def test_a_plan_says_what_the_shipped_rule_says_of_drawn_studies():
    draw, patients, replicates, truth, studies = np.random.default_rng(3), 40, 6, 0.06, 500
    found = 0
    for _ in range(studies):
        table = truth + np.sqrt(LIKELY.both) * draw.normal(size=(patients, replicates))
        table += np.sqrt(LIKELY.patients) * draw.normal(size=(patients, 1))
        table += np.sqrt(LIKELY.replicates) * draw.normal(size=(1, replicates))
        _, p = difference_interval(table, patients, counted=False)
        found += p < 0.05 and table.mean() > 0
    planned = power_of(truth, patients=patients, df=patients - 1.0)
    assert planned == pytest.approx(found / studies, abs=0.05)


def test_few_discordant_patients_leave_no_relevant_difference_unproven():
    rare = Components(patients=0.004, replicates=0.0, both=0.0)  # the same in all replicates
    normal, counted = (
        PlannedContrast(rare, design(trials=trials)).verdicts(0.0) for trials in (None, 100.0)
    )
    assert normal[NO_DIFFERENCE] > 0.9
    assert NO_DIFFERENCE not in counted


def test_fewer_than_six_replicates_give_no_verdict():
    planned = PlannedContrast(LIKELY, design(replicates=5))
    assert planned.verdicts(0.1) == {NO_VERDICT: 1.0}
