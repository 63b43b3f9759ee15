import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from augtrial.core.errors import UserError
from augtrial.statistics.contrasts import contrast_table
from augtrial.statistics.endpoints import endpoint_table
from augtrial.statistics.panel import paired_allowance

CLASSES = ("cyst", "metastasis", "hemangioma")
ARMS = ("classic 5000", "classic 5000 + dcgan-500", "none")
CONTRAST = "classic 5000 + dcgan-500 - classic 5000"
COLUMNS = [
    *("contrast", "endpoint", "class", "difference", "low", "high", "p", "se", "df", "unit"),
    *("replicates", "folds", "lesions", "patients", "cases"),
    *("v_patient", "v_replicate", "v_residual", "note"),
]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def simulate(lesions=120, replicates=6, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(lesions) % 3
    patient = rng.integers(0, lesions - 20, lesions)
    frames = []
    for a, arm in enumerate(ARMS):
        for replicate in range(replicates):
            score = rng.random((lesions, 3))
            score[np.arange(lesions), label] += 0.5 + 0.2 * (a == 1)
            score /= score.sum(axis=1, keepdims=True)
            frame = pd.DataFrame(
                {
                    "lesion_id": [f"l{i:03d}" for i in range(lesions)],
                    "patient_id": [f"p{i}" for i in patient],
                    "fold": (patient + replicate) % 3,
                    "replicate": replicate,
                    "arm": arm,
                    "label": np.take(CLASSES, label),
                    "predicted": np.take(CLASSES, score.argmax(axis=1)),
                }
            )
            frames.append(frame.assign(**{f"p_{c}": score[:, i] for i, c in enumerate(CLASSES)}))
    return pd.concat(frames, ignore_index=True)


def test_differences_are_those_of_the_endpoints():
    predictions = simulate()
    table = contrast_table(predictions, [CONTRAST])
    assert list(table) == COLUMNS
    value = endpoint_table(predictions).set_index(["arm", "endpoint", "class"])["value"]
    for _, row in table.iterrows():
        key = row["endpoint"], row["class"]
        expected = value[(ARMS[1], *key)] - value[(ARMS[0], *key)]
        assert row["difference"] == pytest.approx(expected)
        assert row["low"] < row["difference"] < row["high"]
    assert (table["replicates"] == 6).all()
    assert (table["folds"] == 3).all()


def test_no_contrasts_give_an_empty_table_with_its_columns():
    assert list(contrast_table(simulate(), [])) == COLUMNS


def test_exchanged_arms_change_the_sign_only():
    there = contrast_table(simulate(), [CONTRAST])
    back = contrast_table(simulate(), [f"{ARMS[0]} - {ARMS[1]}"])
    np.testing.assert_allclose(there["difference"], -back["difference"], atol=1e-12)
    np.testing.assert_allclose(there["low"], -back["high"], atol=1e-9)
    np.testing.assert_allclose(there["se"], back["se"])


@pytest.mark.parametrize("replicates", [1, 6])
def test_an_arm_against_itself_differs_by_nothing(replicates):
    table = contrast_table(simulate(replicates=replicates), [f"{ARMS[0]} - {ARMS[0]}"])
    assert (table[["difference", "low", "high", "se"]] == 0).all(axis=None)
    assert (table["p"] == 1).all()


def test_replicates_that_are_all_the_same_give_the_paired_t_interval():
    one = simulate(replicates=1).assign(patient_id="")
    predictions = pd.concat([one.assign(replicate=r) for r in range(3)])
    row = contrast_table(predictions, [CONTRAST]).query("endpoint == 'accuracy'").iloc[0]
    right = (one["label"] == one["predicted"]).astype(float)
    a, b = (right[one["arm"] == arm].to_numpy() for arm in (ARMS[1], ARMS[0]))
    se = stats.sem(a - b) * paired_allowance(3, len(a), counted=True) ** 0.5
    low, high = stats.t.interval(0.95, len(a) - 1, (a - b).mean(), se)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["df"] == pytest.approx(len(a) - 1)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs((a - b).mean()) / se, len(a) - 1))
    assert row["cases"] == "lesions as patients"


@pytest.mark.parametrize("replicates", [1, 2])
def test_one_or_two_replicates_give_values_and_nothing_else(replicates):
    table = contrast_table(simulate(replicates=replicates), [CONTRAST])
    assert table["difference"].notna().all()
    assert table[["low", "high", "p", "se", "df"]].isna().all(axis=None)


def test_a_class_of_one_patient_leaves_the_macro_average_without_an_interval():
    predictions = simulate()
    predictions.loc[predictions["label"] == "cyst", "patient_id"] = "one"
    table = contrast_table(predictions, [CONTRAST]).set_index(["endpoint", "class"])
    macro, accuracy = table.loc[("sensitivity", "macro")], table.loc[("accuracy", "all")]
    assert np.isnan(table.loc[("sensitivity", "cyst"), "se"])
    assert np.isfinite(macro["difference"])
    assert macro[["low", "high", "p"]].isna().all()
    assert accuracy["low"] < accuracy["difference"] < accuracy["high"]


def test_a_rare_class_gives_the_macro_average_few_degrees_of_freedom():
    predictions = simulate().query("label != 'cyst' or lesion_id < 'l012'").assign(patient_id="")
    table = contrast_table(predictions, [CONTRAST]).set_index(["endpoint", "class"])
    assert table.loc[("sensitivity", "cyst"), "patients"] == 4
    assert table.loc[("sensitivity", "macro"), "df"] < 12 < table.loc[("accuracy", "all"), "df"]


def test_the_difference_of_two_perfect_aucs_has_no_interval():
    predictions = simulate()
    truth = {f"p_{c}": (predictions["label"] == c).astype(float) for c in CLASSES}
    perfect = predictions.assign(**truth, predicted=predictions["label"])
    table = contrast_table(perfect, [CONTRAST]).set_index(["endpoint", "class"])
    auc, accuracy = table.loc[("auc", "macro")], table.loc[("accuracy", "all")]
    assert auc["difference"] == accuracy["difference"] == 0
    assert auc[["low", "high", "p"]].isna().all()
    assert accuracy["low"] < 0 < accuracy["high"]


@pytest.mark.parametrize(
    "contrast",
    [f"{ARMS[1]} non-inferior to {ARMS[0]}", f"{ARMS[1]} superior to {ARMS[0]} by margin"],
)
def test_a_one_sided_contrast_has_the_numbers_of_the_difference(contrast):
    predictions = simulate()
    one, two = (contrast_table(predictions, [name]) for name in (contrast, CONTRAST))
    assert set(one["contrast"]) == {contrast}
    pd.testing.assert_frame_equal(one.drop(columns="contrast"), two.drop(columns="contrast"))


def test_pairing_cancels_what_both_arms_share():
    """Patients that every network gets wrong widen each arm's interval, not the contrast's."""
    predictions = simulate()
    hard = predictions["lesion_id"] < "l053"
    predictions.loc[hard, "predicted"] = np.where(
        predictions.loc[hard, "label"] == "cyst", "metastasis", "cyst"
    )
    row = contrast_table(predictions, [CONTRAST]).query("endpoint == 'accuracy'").iloc[0]
    arms = endpoint_table(predictions).query("endpoint == 'accuracy'").set_index("arm")
    widths = (arms["high"] - arms["low"])[list(ARMS[:2])]
    assert row["high"] - row["low"] < 0.75 * np.hypot(*widths)


def test_lesions_and_patients_are_those_of_the_class():
    predictions = simulate()
    table = contrast_table(predictions, [CONTRAST]).set_index(["endpoint", "class"])
    cysts = predictions.query("label == 'cyst'")
    row = table.loc[("sensitivity", "cyst")]
    assert row["lesions"] == cysts["lesion_id"].nunique()
    assert row["patients"] == cysts["patient_id"].nunique()


def test_what_cannot_be_estimated_stays_empty():
    predictions = simulate().query("label != 'cyst'")
    row = contrast_table(predictions, [CONTRAST]).iloc[0]
    assert (row["endpoint"], row["class"], row["replicates"]) == ("sensitivity", "cyst", 0)
    assert row[["difference", "low", "high", "p", "se", "df"]].isna().all()


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        ("classic 5000 - clasic 5000", "no arm 'clasic 5000'; did you mean 'classic 5000'"),
        ("classic 5000 - xyz", "no arm 'xyz'; known: classic 5000, "),
        ("classic 5000", "write it as 'one arm - other arm'"),
    ],
)
def test_unknown_arms_are_told_with_the_nearest_spelling(contrast, words):
    with pytest.raises(UserError, match=words):
        contrast_table(simulate(), [contrast])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p, b: p[~(b & (p["lesion_id"] == "l004"))], "lesions l004 only in arm 'classic"),
        (lambda p, b: p[~(b & (p["replicate"] == 5))], "replicates 5 only in arm 'classic"),
        (lambda p, b: p.assign(fold=p["fold"].mask(b, 7)), "fold differs .* l000, l001"),
        (lambda p, b: p.assign(label=p["label"].mask(b, "cyst")), "label differs .* l001, l002"),
        (lambda p, b: p.assign(patient_id=p["patient_id"].mask(b, "")), "patient differs"),
    ],
)
def test_arms_that_cannot_be_paired_are_told(change, words):
    predictions = simulate()
    changed = change(predictions, predictions["arm"] == ARMS[0])
    with pytest.raises(UserError, match=words):
        contrast_table(changed, [CONTRAST])
