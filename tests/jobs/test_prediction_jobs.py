"""The jobs that judge: every held-out lesion once a network, by a machine that never saw it."""

import numpy as np
import pandas as pd
import pytest
import torch

from augtrial.core.io import read_table, write_arrays, write_table
from augtrial.jobs.baselines import score_baselines
from augtrial.jobs.networks import named_networks
from augtrial.jobs.predictions import gather_predictions, predict_replicate
from augtrial.tasks.classification.cnn import Classifier
from augtrial.training.checkpoints import save_state
from small_networks import SMALL_CLASSIFIER

CLASSES = ["a", "b"]
EACH = 12  # lesions of a part


class Parts:
    """What two folds hold out: pictures, and measurements."""

    def __init__(self, folder, *, seed=0):
        draw = np.random.default_rng(seed)
        self.folder = folder
        self.images = draw.integers(0, 256, (2, EACH, 32, 32)).astype(np.uint8)
        self.labels = np.take(CLASSES, np.arange(2 * EACH) % 2).reshape(2, EACH)
        self.sizes = draw.uniform(5, 30, (2, EACH))

    def write(self):
        """Write the files; return those of the pictures and of the measurements."""
        for part in (0, 1):
            folder = self.folder / f"part{part}"
            ids = [f"0{part}{number}" for number in range(EACH)]
            lesions = {"lesion_id": ids, "label": self.labels[part]}
            write_arrays(folder / "rois.npz", images=self.images[part], **lesions)
            rows = pd.DataFrame({**lesions, "patient_id": ""})
            rows["diameter_px"] = rows["diameter_mm"] = self.sizes[part]
            rows["side_px"] = 1.58 * self.sizes[part]
            write_table(folder / "rois.csv", rows)
        names = ("rois.npz", "rois.csv")
        return [[str(self.folder / f"part{part}" / name) for part in (0, 1)] for name in names]


def scored(parts, **baselines):
    rois, tables = parts.write()
    output = parts.folder / "scores.csv"
    options = {"folds": [1, 2], "replicate": "3", "classes": CLASSES, "predictions": str(output)}
    score_baselines(baselines=baselines, rois=rois, tables=tables, **options)
    return read_table(output)


KINDS = pytest.mark.parametrize("kind", ["size", "spectrum", "hand-crafted"])


def test_every_lesion_is_scored_once_a_baseline(tmp_path):
    rows = scored(Parts(tmp_path), small="size", other="spectrum")
    assert list(rows["arm"].unique()) == ["small", "other"]
    assert set(rows["replicate"]) == {3}
    for _, own in rows.groupby("arm"):
        assert own["lesion_id"].is_unique
        assert len(own) == 2 * EACH
        assert (own["fold"] == own["lesion_id"].str[1].astype(int) + 1).all()
    np.testing.assert_allclose(rows[["p_a", "p_b"]].sum(axis=1), 1)


@KINDS
def test_a_baseline_is_fitted_without_the_lesions_that_it_is_judged_on(kind, tmp_path):
    """Whatever the held-out lesions are called, and whatever one of them looks like."""
    parts = Parts(tmp_path)
    before = scored(parts, arm=kind).set_index("lesion_id")[["p_a", "p_b"]]
    parts.labels[0] = parts.labels[0][::-1]
    parts.images[0, 0], parts.sizes[0, 0] = 255 - parts.images[0, 0], 29
    after = scored(parts, arm=kind).set_index("lesion_id")[["p_a", "p_b"]]
    same = (before == after).all(axis=1)
    held_out = same.index.str.startswith("00")
    assert same[held_out].sum() == EACH - 1  # all but the one that looks otherwise
    assert not same[held_out].iloc[0]
    assert not same[~held_out].any()  # whose baseline has learnt from them


@pytest.fixture
def networks(tmp_path):
    """The file of each fold's networks: an arm, an arm on its way, a point of a curve."""
    paths = []
    for fold in (1, 2):
        state = {}
        for number, name in enumerate(["none", "none@5", "c:40"]):
            network = Classifier(
                classes=2,
                size=32,
                channels=SMALL_CLASSIFIER.channels,
                hidden_units=SMALL_CLASSIFIER.hidden_units,
                generator=torch.Generator().manual_seed(10 * fold + number),
            )
            state |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
        paths.append(str(tmp_path / f"fold{fold}" / "classifiers.pt"))
        save_state(paths[-1], state)
    return paths


def predicted(networks, folder, replicate):
    rois, tables = Parts(folder).write()
    outputs = {name: str(folder / f"{name}.csv") for name in ("arms", "curves", "updates")}
    predict_replicate(
        networks,
        rois,
        tables,
        folds=[1, 2],
        replicate=replicate,
        task="classification",
        settings=SMALL_CLASSIFIER.model_dump(),
        classes=CLASSES,
        outputs=outputs,
    )
    return {name: read_table(path) for name, path in outputs.items()}


def test_the_networks_of_a_file_come_back_by_their_names(networks):
    found = dict(named_networks(networks[0]))
    assert list(found) == ["none", "none@5", "c:40"]
    state = dict(named_networks(networks[0]))["c:40"]
    assert state.keys() == found["none"].keys()
    assert all(torch.equal(state[key], found["c:40"][key]) for key in state)
    assert not torch.equal(state["head.weight"], found["none"]["head.weight"])


def test_arms_curves_and_networks_on_their_way_stand_in_tables_of_their_own(networks, tmp_path):
    tables = predicted(networks, tmp_path, "3-share25")
    for rows in tables.values():
        assert rows["lesion_id"].is_unique
        assert len(rows) == 2 * EACH
        assert set(rows["replicate"]) == {3}
        assert set(rows["share"]) == {25}
        assert (rows["fold"] == rows["lesion_id"].str[1].astype(int) + 1).all()
    assert set(tables["arms"]["arm"]) == set(tables["updates"]["arm"]) == {"none"}
    assert set(tables["updates"]["updates"]) == {5}
    assert set(tables["curves"]["curve"]) == {"c"}
    assert set(tables["curves"]["size"]) == {40}
    assert "share" not in predicted(networks, tmp_path, "3")["arms"]


def test_predictions_are_gathered_in_the_studys_order_of_arms(tmp_path):
    rows = pd.DataFrame(
        [
            {"lesion_id": "1", "fold": fold, "replicate": replicate, "arm": arm, "label": "a"}
            for arm in ("b", "a")
            for replicate in (2, 1)
            for fold in (2, 1)
        ]
    )
    paths = [str(tmp_path / name) for name in ("one.csv", "two.csv", "all.csv")]
    rows[:4].to_csv(paths[0], index=False)
    rows[4:].to_csv(paths[1], index=False)
    gather_predictions(paths[:2], paths[2], arms=["b", "a"])
    found = read_table(paths[2])
    assert found["arm"].tolist() == ["b", "a"] * 4
    assert found["fold"].tolist() == [1, 1, 2, 2] * 2
    assert found["replicate"].tolist() == [1] * 4 + [2] * 4
