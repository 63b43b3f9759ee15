import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

import made_up
from augtrial.core.names import contrast_arms
from augtrial.reporting.figures.wording import MINUS
from augtrial.reporting.report.verdicts import assay_sensitivity, verdict_lines
from augtrial.statistics import verdicts
from augtrial.statistics.classification import classification_outcomes
from augtrial.statistics.comparison import compare
from augtrial.statistics.contrasts import contrast_table, difference_row

FRACTION = st.floats(-1, 1, allow_nan=False)


def verdict_table(predictions, contrasts):
    return verdicts.verdict_table(contrast_table(predictions, contrasts))


def numbers(**changes):
    """Return one contrast's numbers as `contrast_table` gives them."""
    row = {
        "contrast": "a - b",
        **{"endpoint": "sensitivity", "class": "macro"},
        **{"difference": 0.05, "low": 0.02, "high": 0.08, "p": 0.001, "se": 0.015, "df": 40.0},
        "unit": "fraction",
        **{"replicates": 6, "folds": 3, "lesions": 182, "patients": 113, "cases": "patients"},
        **{"v_patient": 1.5e-4, "v_replicate": 1e-4, "v_residual": 2.5e-5},
    }
    return {**row, **changes}


def verdict_of(**changes):
    return verdicts.verdict_table(pd.DataFrame([numbers(**changes)])).iloc[0]


def table_of(p, contrasts=None, **options):
    """Return the verdicts of contrasts that differ in their p values only."""
    names = contrasts or [f"a{number} - b" for number in range(len(p))]
    rows = [numbers(contrast=name, p=value) for name, value in zip(names, p, strict=True)]
    return verdicts.verdict_table(pd.DataFrame(rows), **options)


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (0.02, 0.08, 0.01, "gain"),
        (-0.08, -0.02, 0.01, "loss"),
        (0.031, 0.08, 0.01, "gain beyond the margin"),
        (-0.08, -0.031, 0.01, "loss beyond the margin"),
        (0.03, 0.08, 0.01, "gain"),  # the margin itself is not beyond it
        (0.031, 0.08, 0.06, "cannot tell"),
        (0.005, 0.025, 0.01, "gain, smaller than the margin"),
        (-0.025, -0.005, 0.01, "loss, smaller than the margin"),
        (-0.02, 0.025, 0.6, "no relevant difference"),
        (-0.02, 0.05, 0.3, "cannot tell"),
        (-0.03, 0.02, 0.6, "cannot tell"),  # the margin itself is not inside it
        (0.001, 0.06, 0.06, "cannot tell"),  # adjusted: the interval alone does not decide
    ],
)
def test_each_verdict_follows_from_the_numbers(low, high, p, word):
    middle = (low + high) / 2
    assert verdict_of(difference=middle, low=low, high=high, p=p)["verdict"] == word


@given(FRACTION, FRACTION, st.floats(0, 1), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_the_opposite_contrast_gets_the_opposite_verdict(one, other, p, margin, level):
    low, high = sorted((one, other))
    middle = (low + high) / 2
    there = verdicts.decide(middle, low, high, p, margin, level)
    back = verdicts.decide(-middle, -high, -low, p, margin, level)
    swapped = there.translate({}).replace("gain", "@").replace("loss", "gain").replace("@", "loss")
    assert middle == 0 or back == swapped


@given(FRACTION, FRACTION, st.floats(0, 1), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_words_say_no_more_than_the_interval(one, other, p, margin, level):
    low, high = sorted((one, other))
    word = verdicts.decide((low + high) / 2, low, high, p, margin, level)
    decided = p < level and not low <= 0 <= high
    assert (word in (*verdicts.GAINS, *verdicts.LOSSES)) == decided
    beyond = low > margin or high < -margin
    assert (word in verdicts.BEYOND.values()) == (beyond and decided)
    inside = -margin < low and high < margin
    assert (word in (*verdicts.SMALL.values(), "no relevant difference")) == inside


@pytest.mark.parametrize(
    ("contrast", "low", "high", "word"),
    [
        ("a non-inferior to b", -0.029, 0.05, "non-inferior"),
        ("a non-inferior to b", -0.031, 0.05, "cannot tell"),
        ("a non-inferior to b", -0.08, -0.04, "loss beyond the margin"),
        ("a superior to b by margin", 0.031, 0.08, "superior"),
        ("a superior to b by margin", 0.029, 0.08, "cannot tell"),
        ("a superior to b", 0.031, 0.08, "superior"),
        ("a superior to b by margin", -0.09, -0.031, "loss beyond the margin"),
    ],
)
def test_a_one_sided_contrast_answers_its_question(contrast, low, high, word):
    """By t intervals, to which the doubled one-sided p values fit."""
    middle, df = (low + high) / 2, 40.0
    se = (high - low) / 2 / stats.t.ppf(0.975, df)
    row = {"difference": middle, "low": low, "high": high, "se": se, "df": df, "p": 0.5}
    assert verdict_of(contrast=contrast, **row)["verdict"] == word


def test_the_p_value_of_a_one_sided_contrast_is_the_doubled_one_of_its_margin():
    row = verdict_of(contrast="a non-inferior to b", difference=0.01, se=0.02, df=30.0)
    assert row["p_adjusted"] == pytest.approx(2 * stats.t.sf(0.04 / 0.02, 30))
    row = verdict_of(contrast="a superior to b by margin", difference=0.01, se=0.02, df=30.0)
    assert row["p_adjusted"] == 1


def test_a_discordance_too_rare_for_the_t_interval_keeps_non_inferiority_open():
    """The interval reaches over what few discordant lesions cannot exclude, p does not."""
    row = numbers(contrast="a non-inferior to b", difference=0.0, low=-0.033, high=0.033, se=0.001)
    assert verdict_of(**row)["verdict"] == "cannot tell"


def test_the_primary_and_the_control_pay_for_nobody_and_the_others_by_holm():
    p = [0.03, 0.04, 0.02, 0.03, 0.6]
    table = table_of(p, controls=["a1 - b"])
    assert list(table["role"]) == ["primary", "positive control", *["secondary"] * 3]
    np.testing.assert_allclose(table["p_adjusted"], [0.03, 0.04, 0.06, 0.06, 0.6])
    assert list(table["verdict"]) == ["gain", "gain", *["cannot tell"] * 3]


def test_the_primary_contrast_is_the_named_one():
    table = table_of([0.6, 0.03], primary="a1 - b")
    assert list(table["role"]) == ["secondary", "primary"]
    assert list(table_of([0.6, 0.03])["role"]) == ["primary", "exploratory"]


def test_others_are_exploratory_unless_the_primary_has_a_verdict_and_is_decided():
    p, names = [0.01, 0.001], ["a - b", "c - d"]
    assert table_of(p, names)["role"][1] == "secondary"
    assert table_of([0.06, 0.001], names)["role"][1] == "exploratory"
    assert table_of(p, names, confidence=0.995)["role"][1] == "exploratory"
    failed = table_of(p, names, unconverged={"a": "loss 1.05"})
    assert list(failed["role"]) == ["primary", "exploratory"]
    assert list(failed["verdict"]) == ["no verdict", "gain"]


def test_a_contrast_without_p_costs_the_others_nothing():
    table = table_of([0.01, 0.03, np.nan])
    np.testing.assert_allclose(table["p_adjusted"], [0.01, 0.03, np.nan])


def test_fewer_than_six_replicates_get_no_verdict():
    row = verdict_of(replicates=5)
    assert row["verdict"] == "no verdict"
    assert row["reason"] == "5 of at least 6 replicates"
    assert row["difference"] == 0.05


def test_an_arm_that_did_not_converge_gets_no_verdict():
    table = verdicts.verdict_table(pd.DataFrame([numbers()]), unconverged={"b": "loss 1.05"})
    assert table.loc[0, "verdict"] == "no verdict"
    assert table.loc[0, "reason"] == "arm b did not converge: loss 1.05"


def test_the_detectable_difference_is_that_of_a_paired_t_test():
    """With df = n - 1 and se = sd / sqrt(n), against statsmodels' exact power."""
    n, sd, level = 60, 0.2, 0.05
    found = verdicts.detectable(sd / np.sqrt(n), n - 1, level)
    exact = TTestPower().solve_power(nobs=n, alpha=level, power=0.8) * sd
    assert found == pytest.approx(exact, rel=0.01)


def test_the_detectable_range_holds_the_truth_in_80_percent_of_studies():
    """Paired t tests of 20 patients: the range from each study's own variance."""
    draw, n, sd = np.random.default_rng(0), 20, 0.2
    truth = verdicts.detectable(sd / np.sqrt(n), n - 1, 0.05)
    found = [
        verdicts.judge([numbers(se=stats.sem(x), df=n - 1.0)], 0.03, 0.05)[0]
        for x in draw.normal(0, sd, (400, n))
    ]
    inside = [row["detectable_low"] <= truth <= row["detectable_high"] for row in found]
    assert np.mean(inside) == pytest.approx(0.8, abs=0.05)


def test_what_is_detectable_depends_on_the_level_and_not_on_the_difference():
    ends = ["detectable_low", "detectable_high"]
    alone, again = verdict_of(difference=0.3), verdict_of(difference=-0.01)
    assert (alone[ends] == again[ends]).all()
    four = table_of([0.01, 0.01, 0.01, 0.01], controls=["a1 - b"])[ends]
    assert (four.iloc[0] == alone[ends]).all()
    assert (four.iloc[1] == alone[ends]).all()
    assert (four.iloc[2] > alone[ends]).all()  # of two secondary ones


def test_shares_of_the_variance_sum_to_one():
    row = verdict_of()
    assert row[["share_patients", "share_replicates", "share_both"]].sum() == pytest.approx(1)


@pytest.mark.parametrize("replicates", [1, 6])
def test_an_arm_against_itself_is_no_relevant_difference(replicates):
    made = made_up.predictions(replicates=replicates)
    row = verdict_table(made, ["classic - classic"]).iloc[0]
    assert row["verdict"] == "no relevant difference"
    assert row[["difference", "low", "high"]].eq(0).all()
    assert row["p_adjusted"] == 1


def test_two_arms_that_happen_to_agree_on_few_patients_prove_nothing():
    made = made_up.predictions(replicates=6)
    same = made[made["arm"] == "classic"]
    both = pd.concat([same, same.assign(arm="twin")])
    row = verdict_table(both, ["classic - twin"]).iloc[0]
    assert row["difference"] == 0
    assert row["verdict"] == "cannot tell"


def test_an_arm_that_calls_everything_one_class_loses():
    made = made_up.predictions(replicates=6)
    right = made[made["arm"] == "classic"].assign(predicted=lambda t: t["label"])
    dull = right.assign(arm="dull", predicted="cyst")
    row = verdict_table(pd.concat([right, dull]), ["dull - classic"]).iloc[0]
    assert row["difference"] == pytest.approx(-2 / 3)
    assert row["verdict"] == "loss beyond the margin"


def test_a_class_of_one_patient_gets_no_verdict():
    made = made_up.predictions(replicates=6)
    made.loc[made["label"] == "cyst", "patient_id"] = "one"
    row = verdict_table(made, ["classic - none"]).iloc[0]
    assert (row["verdict"], np.isfinite(row["difference"])) == ("no verdict", True)
    assert row["reason"] == "the interval could not be estimated from so few patients"


@pytest.mark.parametrize(("replicates", "margin"), [(6, 0.03), (6, 0.2), (1, 0.03)])
def test_the_path_without_tables_gives_the_verdicts_of_compare(replicates, margin):
    made = made_up.predictions(replicates=replicates)
    names = ["classic+dcgan - classic", "classic non-inferior to none", "none - none"]
    options = {"primary": names[1], "controls": [names[0]], "unconverged": {}}
    expected = compare(made, names, margin=margin, **options)["verdicts"]
    arms = classification_outcomes(made)
    rows = []
    for name in names:
        a, b = (arms[arm] for arm in contrast_arms(name))
        pair = (arm.outcome(("sensitivity", "macro")) for arm in (a, b))
        rows.append({"contrast": name, **difference_row(*pair, a.panel, 0.95)})
    judged = verdicts.judge(rows, margin, 0.05, **options)
    found = pd.DataFrame([row | verdict for row, verdict in zip(rows, judged, strict=True)])
    pd.testing.assert_frame_equal(found[list(expected)], expected)


@pytest.mark.parametrize("replicates", [1, 2, 6])
@pytest.mark.parametrize("patients", [True, False])
def test_sentences_can_be_said_of_any_study(replicates, patients):
    made = made_up.predictions(replicates=replicates, patients=patients)
    for name in ("p_cyst", "p_metastasis", "p_hemangioma"):
        made[name] = 1 / 3  # all probabilities equal
    names = ["classic - none", "classic+dcgan - classic", "none - none"]
    lines = verdict_lines(verdict_table(made, names))
    assert [line.contrast for line in lines] == [name.replace(" - ", " − ") for name in names]
    for line in lines:
        assert "nan" not in str(line).lower()
        assert "inf " not in str(line)


def test_no_contrasts_give_no_verdicts():
    none = compare(made_up.predictions(), [])["verdicts"]
    assert none.empty
    assert verdict_lines(none) == []


def test_the_words_of_a_verdict():
    rows = [
        numbers(contrast="a - b"),
        numbers(contrast="c - b", difference=0.01, low=-0.03, high=0.05, p=0.5),
    ]
    gain, unclear = verdict_lines(verdicts.verdict_table(pd.DataFrame(rows)))
    assert str(gain).startswith(
        "a − b (primary): gain. Macro sensitivity: +5.0 points, 95 % interval +2.0 to +8.0, "
        "p 0.001."
    )
    assert (unclear.role, unclear.verdict) == ("secondary", "cannot tell")
    assert unclear.numbers == (
        "Macro sensitivity: +1.0 points, 95 % interval (not adjusted for the number of contrasts) "
        f"{MINUS}3.0 to +5.0, adjusted p 0.500."
    )
    assert unclear.because == "The interval includes zero and exceeds the margin of 3 points."
    assert unclear.change == (
        "The smallest difference that this design detects with 80 % power is 3.8 to 5.1 points. "
        "Most of the variance is between patients: more of them would narrow the interval most."
    )


def test_an_adjusted_p_value_that_is_not_small_is_said():
    names = ["x - b", "y - b", "z - b"]
    table = table_of([0.01, 0.04, 0.04], names)
    adjusted = verdict_lines(table)[1]
    assert adjusted.verdict == "cannot tell"
    assert adjusted.because.startswith("The interval excludes zero, but p adjusted over the")


def test_what_the_replicates_share_stands_inside_the_verdict():
    table = table_of([0.01]).assign(conditional_on="the split and the synthesizer")
    (line,) = verdict_lines(table)
    assert line.verdict == "gain, given the split and the synthesizer"
    assert str(line).startswith(
        "a0 − b (primary): gain, given the split and the synthesizer. Macro"
    )
    few = pd.DataFrame([numbers(replicates=5)])
    few = verdicts.verdict_table(few).assign(conditional_on="the split")
    assert verdict_lines(few)[0].verdict == "no verdict (5 of at least 6 replicates)"


def test_lesions_that_count_as_patients_are_said_beside_the_interval():
    lone, known = (
        verdict_lines(table_of([0.01]).assign(cases=cases))[0].numbers
        for cases in ("lesions as patients", "patients")
    )
    assert lone == f"{known} Lesions count as patients: too narrow if patients have several."


def control_of(verdict):
    """Return two contrasts of one verdict, of which the second is a positive control."""
    contrasts, roles = ["gan - classic", "oracle - classic"], ["primary", "positive control"]
    return pd.DataFrame({"contrast": contrasts, "role": roles, "verdict": verdict})


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (verdicts.CANNOT_TELL, "this design could not detect a gain"),
        (verdicts.NO_DIFFERENCE, "no relevant difference either"),
        (verdicts.SMALL[verdicts.LOSS], "no relevant difference either"),
        (verdicts.LOSS, "did harm"),
        (verdicts.BEYOND[verdicts.LOSS], "did harm"),
    ],
)
def test_a_positive_control_without_a_gain_leads(verdict, words):
    said = assay_sensitivity(control_of(verdict))
    assert said.startswith("oracle − classic: ")
    assert words in said
    assert "gan" not in said
    assert assay_sensitivity(control_of(verdict).iloc[:1]) == ""


@pytest.mark.parametrize("verdict", [*verdicts.GAINS, verdicts.NO_VERDICT])
def test_of_a_positive_control_that_gained_or_was_not_judged_nothing_is_said(verdict):
    """A gain smaller than the margin is a gain: the design saw it."""
    assert assay_sensitivity(control_of(verdict)) == ""


def test_an_arm_of_an_unfit_synthesizer_is_not_evaluable_whatever_its_numbers_say():
    names = ["a - b", "c - b"]
    table = table_of([0.001, 0.001], names, unfit={"a": "dcgan collapsed (cyst: coverage 5 %)"})
    assert list(table["verdict"]) == ["not evaluable", "gain"]
    assert list(table["role"]) == ["primary", "exploratory"]
    line = verdict_lines(table)[0]
    assert line.verdict == "not evaluable: dcgan collapsed (cyst: coverage 5 %)"
    assert line.change == ""
