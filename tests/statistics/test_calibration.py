import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import made_up
from augtrial.statistics.calibration import calibration_table, reliability_table
from augtrial.statistics.roc import roc_table

CLASSES = ("a", "b")


def predictions(probability, truth, replicates=1, folds=1):
    """Return predictions of lone lesions: the probability of class a, and whether it is a."""
    number = len(truth)
    frames = [
        pd.DataFrame(
            {
                "lesion_id": [f"l{i:05d}" for i in range(number)],
                "patient_id": "",
                **{"fold": np.arange(number) % folds, "replicate": r, "arm": "x"},
                "label": np.where(truth, "a", "b"),
                "predicted": np.where(probability >= 0.5, "a", "b"),
                **{"p_a": probability, "p_b": 1 - probability},
            }
        )
        for r in range(replicates)
    ]
    return pd.concat(frames, ignore_index=True)


def test_honest_probabilities_have_no_calibration_error_and_bold_ones_have():
    draw = np.random.default_rng(0)
    honest = draw.random(20000)
    truth = draw.random(20000) < honest
    values = calibration_table(predictions(honest, truth)).set_index("measure")["value"]
    assert values["ece"] < 0.015
    assert values["brier"] == pytest.approx(1 / 3, abs=0.01)  # 2 E[p (1 - p)] of uniform p
    bold = np.where(honest > 0.5, 0.99, 0.01)
    assert calibration_table(predictions(bold, truth)).set_index("measure")["value"]["ece"] > 0.2


def test_certain_and_right_is_zero_certain_and_wrong_is_two():
    truth = np.array([True, False, True])
    right = calibration_table(predictions(truth.astype(float), truth))
    assert (right["value"] == 0).all()
    wrong = calibration_table(predictions(1.0 - truth, truth)).set_index("measure")["value"]
    assert (wrong["brier"], wrong["ece"]) == (2, 1)


def test_bins_hold_every_lesion_once():
    table = reliability_table(made_up.predictions(replicates=3))
    assert (table.groupby("arm")["lesions"].sum() == 24).all()
    assert table["probability"].between(table["from"], table["to"]).all()


def test_the_curve_is_that_of_its_scores_and_its_area_the_auc():
    draw = np.random.default_rng(1)
    truth = np.arange(4000) % 2 == 0
    score = 1 / (1 + np.exp(-(draw.normal(size=4000) + 1.2 * truth)))
    table = roc_table(predictions(score, truth)).query("`class` == 'a'")
    x = [0, *table["false_positive_rate"], 1]
    area = np.trapezoid([0, *table["sensitivity"], 1], x)
    assert area == pytest.approx(roc_auc_score(truth, score), abs=0.01)
    assert table["sensitivity"].is_monotonic_increasing


def test_the_interval_is_as_wide_as_the_curve_varies():
    """Against the spread of curves of new lesions, at a rate where both kinds of lesions count."""
    draw = np.random.default_rng(2)
    values, widths = [], []
    for _ in range(60):
        truth = np.arange(300) % 2 == 0
        score = 1 / (1 + np.exp(-(draw.normal(size=300) + 1.2 * truth)))
        row = roc_table(predictions(score, truth, replicates=3)).query(
            "`class` == 'a' and false_positive_rate == 0.2"
        )
        values.append(row["sensitivity"].item())
        widths.append((row["high"] - row["low"]).item() / (2 * 1.968))
    assert np.mean(widths) == pytest.approx(np.std(values), rel=0.2)


def test_folds_without_a_class_and_equal_scores_are_answered():
    made = made_up.predictions(replicates=2)
    made = made[~((made["label"] == "cyst") & (made["fold"] == 1))]
    for name in ("p_cyst", "p_metastasis", "p_hemangioma"):
        made[name] = 1 / 3
    for table in (roc_table(made), calibration_table(made), reliability_table(made)):
        assert len(table)
    assert roc_table(made)["sensitivity"].between(0, 1).all()
