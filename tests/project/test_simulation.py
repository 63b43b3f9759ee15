"""The simulation of verdicts: its models know the truth, and it asks the shipped functions."""

import math
import multiprocessing

import numpy as np
import pandas as pd
import pytest
from benchmarks.simulation import __main__ as command
from benchmarks.simulation import cells, studies
from benchmarks.simulation.components import EFFECTS, tetrachoric
from benchmarks.simulation.models import CrossValidated, Probit
from benchmarks.simulation.page import page

from augtrial.statistics.comparison import compare

EFFECT = dict.fromkeys(EFFECTS, 0.2)
SMALL = Probit(60, ((0.8,) * 3, (0.7,) * 3), EFFECT)
LEARNERS = CrossValidated(60, replicates=3, fresh=60)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def predictions(arms):
    """Return panels as a table of predictions."""
    frames = []
    for arm in arms:
        for r in arm.replicates:
            frame = {
                "lesion_id": [f"l{i:03d}" for i in arm.lesion_id],
                "patient_id": [f"p{i}" for i in arm.case],
                **{"fold": arm.fold[:, r], "replicate": r, "arm": arm.arm},
                **{"label": arm.label.astype(str), "predicted": arm.predicted[:, r].astype(str)},
            }
            scores = {f"p_{c}": arm.probability[:, r, i] for i, c in enumerate(arm.classes)}
            frames.append(pd.DataFrame(frame | scores))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("model", [SMALL, LEARNERS])
def test_a_study_is_judged_as_compare_judges_its_predictions(model, rng):
    arms, truth = model.study(rng)
    found = pd.DataFrame(studies.judge_study(arms, truth)).set_index(["endpoint", "class"])
    tables = compare(predictions(arms), ["0 - 1"])
    contrasts = tables["contrasts"].set_index(["endpoint", "class"])
    endpoints = tables["endpoints"].set_index(["arm", "endpoint", "class"])
    for key, row in found.iterrows():
        assert row[["difference", "low", "high"]].to_numpy(float) == pytest.approx(
            contrasts.loc[key, ["difference", "low", "high"]].to_numpy(float), nan_ok=True
        )
        expected = endpoints.loc[("1", *key), ["low", "high"]].to_numpy(float)
        assert row[["low b", "high b"]].to_numpy(float) == pytest.approx(expected, nan_ok=True)


def test_the_true_sensitivities_are_those_of_many_lesions(rng):
    model = Probit(20_000, ((0.8, 0.6), (0.7, 0.7)), EFFECT, share=(0.7, 0.3), collapsed=0.1)
    arms, _ = model.study(rng)
    truth = model.truth([model.areas_of_one(rng)])
    one = {key: value for key, value in truth.items() if key[0] != "auc"}
    assert set(one) == {
        *(("sensitivity", "macro"), ("sensitivity", "1")),
        *(("specificity", "macro"), ("accuracy", "all")),
    }
    label = arms[0].label
    for number, arm in enumerate(arms):
        hit = [(arm.predicted[label == c] == c).mean() for c in (0, 1)]
        assert np.mean(hit) == pytest.approx(one["sensitivity", "macro"][number], abs=0.06)
        assert hit[1] == pytest.approx(one["sensitivity", "1"][number], abs=0.09)


def test_with_given_folds_the_truth_is_that_of_the_split(rng):
    model = Probit(300, ((0.7,) * 2,) * 2, EFFECT, share=(0.5, 0.5), given_folds=True, fold_arm=2.0)
    arms, truth = model.study(rng)
    assert all((arm.fold == arm.fold[:, :1]).all() for arm in arms)
    a, b = truth["sensitivity", "macro"]
    assert abs(a - b) > 0.001  # equal arms, made different by their synthesizers
    assert SMALL.study(rng)[1] is None


def test_networks_are_cross_validated_and_tested_on_fresh_lesions(rng):
    arms, truth = LEARNERS.study(rng)
    assert set(truth) == set(studies.wanted_endpoints(3))
    assert all(0.4 < value < 1 for value in truth["sensitivity", "macro"])
    one = arms[0]
    for case in np.unique(one.case):  # a patient's lesions share a fold
        assert (one.fold[one.case == case] == one.fold[one.case == case][0]).all()


def test_a_cell_gives_shares_and_is_not_simulated_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(studies, "DRAWS", 1)
    monkeypatch.setattr(command, "cells", lambda: [cells.Cell("small", SMALL, "a note")])
    out = tmp_path / "studies.csv"
    command.run(4, 1, [], out)
    found = pd.read_csv(out)
    assert list(found["studies"]) == [4] * 5
    shares = found[["paired", "single", "gain", "loss", "no difference", "not estimable"]]
    assert shares.stack().between(0, 1).all()
    assert found["truth"].iloc[0] == pytest.approx(0.1)
    monkeypatch.setattr(command, "simulate_cell", None)  # would fail
    command.run(4, 1, [], out)
    assert pd.read_csv(out).equals(found)


def test_what_does_not_hold_is_bold_on_the_page(monkeypatch):
    names = ["paired", "paired, given", "single", "single, given", "half width", "ideal half width"]
    row = dict.fromkeys(names, 0.95) | {"cell": "60 lesions, 0 points", "endpoint": "sensitivity"}
    row |= {"class": "macro", "not estimable": 0.0, "truth": 0.0, "gain": 0.03, "loss": 0.04}
    row |= {"no difference": 0.0, "false gain or loss": 0.07, "false no difference": 0.0}
    row |= {"family": 0.07, "detectable low": 0.05, "detectable high": 0.07}
    text = page(pd.DataFrame([row | {"paired": 0.92}]))
    assert "**92.0**" in text
    assert "**7.0**" in text
    assert "**95.0**" not in text


def test_all_cells_have_names_of_their_own():
    names = [cell.name for cell in cells.cells()]
    assert len(names) == len(set(names))
    assert cells.FAMILY in names


def test_the_correlation_behind_outcomes_is_found():
    """Two normals of correlation 1/2 are both positive in a third of all cases."""
    both = 1 / 4 + math.asin(0.5) / (2 * math.pi)
    assert both == pytest.approx(1 / 3)
    assert tetrachoric(0.5, 0.5, both) == pytest.approx(0.5, abs=1e-3)


def test_processes_give_the_numbers_of_one():
    with multiprocessing.Pool(2) as pool:
        two = studies.simulate_cell(cells.Cell("x", LEARNERS), 2, 1, pool)
    with multiprocessing.Pool(1) as pool:
        one = studies.simulate_cell(cells.Cell("x", LEARNERS), 2, 2, pool)
    assert two.equals(one)
