"""Predictions, records and comparisons as jobs: from files to files."""

import json
import os

import numpy as np
import pandas as pd
import pytest

import made_up
from augtrial.core.io import read_table, write_json, write_table
from augtrial.jobs.comparison import compare_arms
from augtrial.jobs.predictions import gather_predictions
from augtrial.jobs.provenance import record_study

TABLES = (
    *("endpoints", "contrasts", "verdicts", "secondary", "sensitivity", "training"),
    "fitness",
    *("confusion", "calibration", "reliability", "roc", "curve", "updates", "subsets"),
    "subset_contrasts",
)


def write_history(folder, arm, fold, loss):
    path = folder / f"replicate1/fold{fold}/{arm}/classifiers.history.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {"arm": arm, "update": 30, "epoch": 3, "loss": loss, "accuracy": 0.5}
    write_table(path, pd.DataFrame([row]))
    return path


@pytest.fixture
def study(tmp_path):
    """Return the arguments of a comparison of six replicates, one network of which failed."""
    made = made_up.predictions(replicates=6)
    curves = made[made["arm"] == "classic"].drop(columns="arm").assign(curve="classic", size=10)
    rows = {
        "predictions": made,
        "curves": curves,
        "updates": made.assign(updates=10),
        "subsets": made[made["arm"] != "none"].assign(share=50),
        "lesions": made[["lesion_id"]].drop_duplicates().assign(diameter_px=np.arange(24)),
    }
    for name, table in rows.items():
        write_table(tmp_path / f"{name}.csv", table)
    losses = {("classic+dcgan", 2): 1.09}
    return {
        **{name: tmp_path / f"{name}.csv" for name in rows},
        "histories": [
            write_history(tmp_path, arm, fold, losses.get((arm, fold), 0.3))
            for arm in made_up.ARMS
            for fold in (1, 2)
        ],
        "contrasts": made_up.CONTRASTS,
        "primary": made_up.CONTRASTS[1],
        "controls": made_up.CONTRASTS[:1],
        "task": "classification",
        "classes": list(made_up.PAPER_CLASSES),
        "endpoint": "accuracy",
        "margin": 0.05,
        "confidence": 0.9,
        "conditional_on": "the split",
        "fitness": [write_fitness(tmp_path, 0.7)],
        "synthesizers": {"classic+dcgan": ["dcgan"]},
        "sizes": {s: {"training_lesions": s, "training_patients": s} for s in (50, 100)},
        "tables": {name: tmp_path / f"tables/{name}.csv" for name in TABLES},
    }


def write_fitness(folder, coverage):
    """Write the fitness of a synthesizer in one fold, by its coverage alone."""
    about = {"replicate": 1, "fold": 1, "synthesizer": "dcgan", "class": "cyst"}
    about |= {"measure": "coverage", "value": coverage, "reference": 0.8}
    write_table(
        folder / "fitness.csv", pd.DataFrame([{**about, "samples": 9, "seen": 12, "unseen": 11}])
    )
    return folder / "fitness.csv"


def test_an_arm_of_an_unfit_synthesizer_is_not_evaluable(study, tmp_path):
    write_fitness(tmp_path, 0.1)
    compare_arms(**study)
    told = "dcgan does not cover the real lesions (cyst: coverage 10 %, held-out lesions 80 %)"
    verdicts = read_table(study["tables"]["verdicts"]).set_index("contrast")
    assert verdicts.loc["classic+dcgan - classic", "verdict"] == "not evaluable"
    assert verdicts.loc["classic+dcgan - classic", "reason"] == told
    assert verdicts.drop("classic+dcgan - classic")["verdict"].ne("not evaluable").all()
    fitness = read_table(study["tables"]["fitness"])
    assert fitness["fit"].tolist() == [False]
    contrasts = read_table(study["tables"]["contrasts"]).set_index("contrast")
    assert set(contrasts.loc["classic+dcgan - classic", "not_evaluable"]) == {told}


def test_every_table_is_written_and_says_what_it_depends_on(study):
    compare_arms(**study)
    tables = {name: read_table(path) for name, path in study["tables"].items()}
    assert all((table["conditional_on"] == "the split").all() for table in tables.values())
    assert all(len(table) for table in tables.values())
    verdicts = tables["verdicts"].set_index("contrast")
    assert set(verdicts["endpoint"]) == {"accuracy"}
    assert set(verdicts["margin"]) == {0.05}
    assert list(verdicts["role"]) == ["positive control", "primary"]
    assert "the larger half of the lesions" in set(tables["sensitivity"]["analysis"])
    assert verdicts.loc["classic+dcgan - classic", "reason"] == (
        "arm classic+dcgan did not converge: final training loss 1.09, above 0.99, in replicate 1, "
        "fold 2"
    )
    assert pd.isna(verdicts.loc["classic - none", "reason"])
    training = tables["training"].set_index(["arm", "fold"])["converged"]
    assert training[~training].index.tolist() == [("classic+dcgan", 2)]
    assert tables["curve"]["size"].unique().tolist() == [10]
    assert tables["subsets"]["share"].unique().tolist() == [50, 100]


def test_predictions_of_the_replicates_stand_below_each_other(tmp_path):
    paths = [tmp_path / f"replicate{number}.csv" for number in (1, 2)]
    for number, path in enumerate(paths):
        write_table(path, pd.DataFrame({"lesion_id": ["007"], "replicate": [number]}))
    (tmp_path / "empty.csv").write_text("\n")
    outputs = tmp_path / "arms.csv", tmp_path / "updates.csv"
    gather_predictions(paths, outputs[0], arms=[])
    gather_predictions([tmp_path / "empty.csv"], outputs[1], arms=[])
    assert outputs[0].read_text().splitlines() == ["lesion_id,replicate", "007,0", "007,1"]
    assert outputs[1].read_text().strip() == ""


def test_gathered_arms_stand_in_the_studys_order_in_each_fold(tmp_path):
    rows = pd.DataFrame(
        {"lesion_id": "1", "replicate": 1, "fold": [2, 2, 1], "arm": ["b", "a", "b"]}
    )
    write_table(tmp_path / "networks.csv", rows)
    write_table(tmp_path / "baselines.csv", rows.iloc[[2]].assign(arm="size"))
    paths = [tmp_path / "networks.csv", tmp_path / "baselines.csv"]
    gather_predictions(paths, tmp_path / "all.csv", arms=["a", "size", "b"])
    found = read_table(tmp_path / "all.csv")
    assert found["arm"].tolist() == ["size", "b", "a", "b"]
    assert found["fold"].tolist() == [1, 1, 2, 2]


def test_the_record_counts_the_trainings_by_device(tmp_path):
    trainings = [tmp_path / f"{number}.json" for number in range(3)]
    for number, path in enumerate(trainings):
        write_json(path, {"device": "CPU, float32" if number else "a GPU, bfloat16 autocast"})
    record_study({"study": "s", "lesions": 4}, trainings, record=tmp_path / "study.json")
    record = json.loads((tmp_path / "study.json").read_text())
    assert (record["study"], record["lesions"]) == ("s", 4)
    assert record["devices"] == {"a GPU, bfloat16 autocast": 1, "CPU, float32": 2}
    named = {"augtrial", "Python", "torch", "torchvision", "albumentations"}
    assert named <= set(record["versions"])


@pytest.mark.parametrize(
    ("before", "first"), [("", "2001-09-09 01:46:40 UTC"), ("1999-01-01", "1999-01-01")]
)
def test_the_record_of_a_registration_has_the_date_of_the_first_predictions(
    tmp_path, before, first
):
    predictions = [tmp_path / f"{number}.csv" for number in range(2)]
    for number, path in enumerate(predictions, start=1):
        path.touch()
        os.utime(path, (0, number * 1_000_000_000))
    found = {"lock": "a.json", "deviations": [], "first_predictions": before}
    record = tmp_path / "study.json"
    record_study({}, [], record=record, predictions=predictions, registration=found)
    written = json.loads(record.read_text())["registration"]
    assert written == {**found, "first_predictions": first}
    record_study({}, [], record=record, predictions=predictions, registration={})
    assert json.loads(record.read_text())["registration"] == {}
