import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

import made_up
from augtrial.reporting.report.verdicts import assay_sensitivity, verdict_lines
from augtrial.statistics import verdicts
from augtrial.statistics.comparison import compare

FRACTION = st.floats(-1, 1, allow_nan=False)


def numbers(**changes):
    """Return one contrast's numbers as `contrast_table` gives them."""
    row = {
        "contrast": "a - b",
        **{"endpoint": "sensitivity", "class": "macro"},
        **{"difference": 0.05, "low": 0.02, "high": 0.08, "p": 0.001, "se": 0.015, "df": 40.0},
        "unit": "fraction",
        **{"replicates": 6, "folds": 3, "lesions": 182, "patients": 113},
        **{"v_patient": 1.5e-4, "v_replicate": 1e-4, "v_residual": 2.5e-5},
    }
    return {**row, **changes}


def verdict_of(**changes):
    return verdicts.verdict_table(pd.DataFrame([numbers(**changes)])).iloc[0]


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (0.02, 0.08, 0.01, "gain"),
        (-0.08, -0.02, 0.01, "loss"),
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


def test_p_values_are_adjusted_by_holm_over_all_contrasts():
    p = [0.02, 0.03, 0.6]
    rows = [numbers(contrast=f"a{i} - b", p=value) for i, value in enumerate(p)]
    table = verdicts.verdict_table(pd.DataFrame(rows))
    np.testing.assert_allclose(table["p_adjusted"], [0.06, 0.06, 0.6])
    assert list(table["verdict"]) == ["cannot tell"] * 3
    assert verdict_of(p=0.02)["verdict"] == "gain"


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


def test_the_detectable_difference_does_not_know_the_observed_one():
    there, back = verdict_of(difference=0.3), verdict_of(difference=-0.01)
    assert there["detectable"] == back["detectable"]


def test_more_contrasts_make_less_detectable():
    rows = [numbers(contrast=f"a{i} - b") for i in range(4)]
    four = verdicts.verdict_table(pd.DataFrame(rows)).iloc[0]
    assert four["detectable"] > verdict_of()["detectable"]


def test_shares_of_the_variance_sum_to_one():
    row = verdict_of()
    assert row[["share_patients", "share_replicates", "share_both"]].sum() == pytest.approx(1)


def test_an_arm_against_itself_is_no_relevant_difference():
    made = made_up.predictions(replicates=1)
    table = compare(made, ["classic - classic"])["verdicts"]
    assert table.loc[0, "verdict"] == "no relevant difference"
    assert table.loc[0, "difference"] == 0


def test_two_arms_that_happen_to_agree_on_few_patients_prove_nothing():
    made = made_up.predictions(replicates=6)
    same = made[made["arm"] == "classic"]
    both = pd.concat([same, same.assign(arm="twin")])
    row = compare(both, ["classic - twin"])["verdicts"].iloc[0]
    assert row["difference"] == 0
    assert row["verdict"] == "cannot tell"


def test_an_arm_that_calls_everything_one_class_loses():
    made = made_up.predictions(replicates=6)
    right = made[made["arm"] == "classic"].assign(predicted=lambda t: t["label"])
    dull = right.assign(arm="dull", predicted="cyst")
    row = compare(pd.concat([right, dull]), ["dull - classic"])["verdicts"].iloc[0]
    assert row["difference"] == pytest.approx(-2 / 3)
    assert row["verdict"] == "loss"


@pytest.mark.parametrize("replicates", [1, 2, 6])
@pytest.mark.parametrize("patients", [True, False])
def test_sentences_can_be_said_of_any_study(replicates, patients):
    made = made_up.predictions(replicates=replicates, patients=patients)
    for name in ("p_cyst", "p_metastasis", "p_hemangioma"):
        made[name] = 1 / 3  # all probabilities equal
    names = ["classic - none", "classic+dcgan - classic", "none - none"]
    lines = verdict_lines(compare(made, names)["verdicts"])
    assert [line.contrast for line in lines] == [name.replace(" - ", " − ") for name in names]
    for line in lines:
        assert "nan" not in str(line).lower()
        assert "inf " not in str(line)


def test_no_contrasts_give_no_verdicts():
    assert compare(made_up.predictions(), [])["verdicts"].empty
    assert verdict_lines(compare(made_up.predictions(), [])["verdicts"]) == []


def test_the_words_of_a_verdict():
    rows = [
        numbers(contrast="a - b"),
        numbers(contrast="c - b", difference=0.01, low=-0.03, high=0.05, p=0.5),
    ]
    gain, unclear = verdict_lines(verdicts.verdict_table(pd.DataFrame(rows)))
    assert str(gain).startswith(
        "a − b: gain. Macro sensitivity: +5.0 points, 95 % interval +2.0 to +8.0, adjusted p 0.002."
    )
    assert unclear.verdict == "cannot tell"
    assert unclear.because == "The interval includes zero and exceeds the margin of 3 points."
    assert unclear.change == (
        "This design detects a difference of 4.8 points with 80% power. Most of the variance is "
        "between patients: more of them would narrow the interval most."
    )
    rows = [numbers(contrast=name, difference=0.03, low=0.001, high=0.06, p=0.04) for name in "xy"]
    rows = [row | {"contrast": f"{row['contrast']} - b"} for row in rows]
    adjusted, _ = verdict_lines(verdicts.verdict_table(pd.DataFrame(rows)))
    assert adjusted.verdict == "cannot tell"
    assert adjusted.because.startswith("The interval excludes zero, but p adjusted over all")


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (verdicts.CANNOT_TELL, "this design could not detect a gain"),
        (verdicts.NO_DIFFERENCE, "no relevant difference either"),
        (verdicts.SMALL[verdicts.LOSS], "no relevant difference either"),
        (verdicts.LOSS, "did harm"),
    ],
)
def test_a_positive_control_without_a_gain_leads(verdict, words):
    table = pd.DataFrame({"contrast": ["gan - classic", "oracle - classic"], "verdict": verdict})
    said = assay_sensitivity(table, ["oracle - classic"])
    assert said.startswith("oracle − classic: ")
    assert words in said
    assert "gan" not in said
    assert assay_sensitivity(table, []) == ""


@pytest.mark.parametrize(
    "verdict", [verdicts.GAIN, verdicts.SMALL[verdicts.GAIN], verdicts.NO_VERDICT]
)
def test_of_a_positive_control_that_gained_or_was_not_judged_nothing_is_said(verdict):
    """A gain smaller than the margin is a gain: the design saw it."""
    table = pd.DataFrame({"contrast": ["oracle - classic"], "verdict": [verdict]})
    assert assay_sensitivity(table, ["oracle - classic"]) == ""
