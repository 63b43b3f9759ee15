"""The steps of a study on a GPU machine, at tiny size and on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from benchmarks.gpu_bundle import merged, portable, prepare, tables
from benchmarks.gpu_study import Tables

from augtrial.settings import Settings
from workflow_runs import ROOT, make_cohort

# What a GPU machine may lack: everything but PyTorch, NumPy and pandas.
ABSENT = (
    "albumentations",
    "cv2",
    "matplotlib",
    "pydantic",
    "scipy",
    "seaborn",
    "SimpleITK",
    "skimage",
    "sklearn",
    "snakemake",
    "statsmodels",
    "torchvision",
    "yaml",
)
THERE = f"""
import sys
sys.modules.update(dict.fromkeys({ABSENT!r}))  # an import of None fails
from benchmarks.gpu_study import main
sys.exit(main(sys.argv[1:]))
"""


def go_on(folder: Path, minutes: float) -> int:
    done = subprocess.run(
        [sys.executable, "-c", THERE, str(folder), str(minutes)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 75), done.stderr
    return done.returncode


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A study of three folds that was run in two steps."""
    place = tmp_path_factory.mktemp("gpu")
    make_cohort(place / "cohort")
    config = yaml.safe_load((ROOT / "config/tiny.yaml").read_text())
    config["arms"]["classic online"] = {"classic": "online"}
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    before = Path.cwd()
    os.chdir(place)
    try:
        changes = ["cohort={table: cohort/lesions.csv}", "replicates=2"]
        prepare(place / "gpu", Path("config.yaml"), changes)
        steps = [go_on(place / "gpu", 0.001), go_on(place / "gpu", 5), go_on(place / "gpu", 5)]
        assert steps == [75, 0, 0]
        (place / "summary.md").write_text(tables(place / "gpu"))
    finally:
        os.chdir(before)
    return place


def test_each_piece_of_work_is_done_once(study):
    times = pd.read_csv(study / "gpu/tables/times.csv", keep_default_na=False)
    assert not times.duplicated(["work", "name", "replicate", "fold"]).any()
    counts = times.groupby(["work", "name"]).size().to_dict()
    assert counts == {
        ("synthesizer", "dcgan"): 2 * 3,
        ("synthesizer", "acgan"): 2 * 3,
        ("classifiers", ""): 2 * 3,
    }


def test_every_arm_predicts_each_lesion_once_a_replicate_by_the_fold_that_held_it_out(study):
    told = json.loads((study / "gpu/bundle/study.json").read_text())
    predictions = pd.read_csv(study / "gpu/tables/predictions.csv")
    arms = {"none", "classic", "classic+dcgan", "classic+acgan", "classic online"}
    assert set(predictions["arm"]) == set(told["arms"]) == arms
    assert (predictions.groupby(["arm", "replicate", "lesion_id"]).size() == 1).all()
    assert predictions["lesion_id"].nunique() == 18
    for row in predictions.itertuples():
        assert row.lesion_id in told["parts"][str(row.replicate)][str(row.fold)]
    curve = pd.read_csv(study / "gpu/tables/predictions_curve.csv")
    assert sorted(set(curve["size"])) == [0, 8]
    stops = pd.read_csv(study / "gpu/tables/predictions_stops.csv")
    assert set(stops["updates"]) == {10}


def test_its_arms_are_those_of_the_workflow(study):
    """Without variants exactly; with them as nearly as the device's variants are the stored."""
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--cores", "2", "--configfile", "gpu/config.yaml", "--config", "replicates=1"),
            *("--", "results/tiny/replicate1/predictions.csv"),
        ],
        cwd=study,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    keys, columns = ["arm", "lesion_id"], ["p_cyst", "p_metastasis", "p_hemangioma"]
    theirs = pd.read_csv(study / "results/tiny/replicate1/predictions.csv").query("fold == 2")
    ours = pd.read_csv(study / "gpu/tables/predictions.csv").query("replicate == 1 and fold == 2")
    ours, theirs = (own.set_index(keys)[columns].sort_index() for own in (ours, theirs))
    assert ours.index.equals(theirs.index)
    difference = (ours - theirs).abs().max(axis=1).groupby("arm").max()
    assert difference["none"] == 0
    assert difference.max() < 0.02


def test_the_summary_has_verdicts_and_the_share_of_the_limit(study):
    text = (study / "summary.md").read_text()
    assert "classic+dcgan − classic" in text
    assert "classifiers | 6 |" in text
    assert "seconds / floor" in text
    assert "TFLOP/s" in text
    grids = np.load(study / "gpu/tables/samples_dcgan.1.npz")
    assert grids["cyst"].shape == (16, 32, 32)


def test_a_piece_that_was_begun_twice_stands_once(tmp_path):
    tables = Tables(tmp_path)
    for fold, loss in ((1, 0.5), (2, 0.4), (2, 0.3)):
        piece = {"fold": fold, "unit": "1"}
        tables.add("losses", pd.DataFrame([piece | {"loss": loss}]), piece)
    assert tables.read("losses")["loss"].tolist() == [0.5, 0.3]
    assert tables.has("losses", fold=2, unit="1")
    assert not tables.has("losses", fold=3)
    assert not tables.has("times", fold=1)


def test_shared_synthesizers_train_once_and_serve_all_replicates(tmp_path, monkeypatch):
    make_cohort(tmp_path / "cohort")
    monkeypatch.chdir(tmp_path)
    changes = ["cohort={table: cohort/lesions.csv}", "replicates=2", "share_synthesizer=true"]
    changes += ["folds={split: one}"]
    prepare(Path("gpu"), ROOT / "config/tiny.yaml", changes)
    assert go_on(Path("gpu"), 5) == 0
    times = pd.read_csv("gpu/tables/times.csv", keep_default_na=False)
    assert times.groupby("name").size().to_dict() == {"": 2 * 3, "acgan": 3, "dcgan": 3}
    predictions = pd.read_csv("gpu/tables/predictions.csv")
    assert set(predictions.query("arm == 'classic+dcgan'")["replicate"]) == {1, 2}


def test_nothing_large_travels(study):
    files = [path for path in (study / "gpu/tables").iterdir() if path.is_file()]
    assert not [path for path in files if path.suffix == ".pt"]
    assert sum(path.stat().st_size for path in files) < 2e6


def test_arms_that_need_more_files_stay_at_home_with_their_contrasts():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    left = portable(config)
    assert set(config["arms"]) - set(left["arms"]) == {
        "classic+oracle",
        "hand-crafted",
        "size",
        "spectrum",
    }
    assert "classic+oracle - classic" not in left["contrasts"]
    assert Settings.model_validate(left)
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}) == {"a": {"b": 3, "c": 2}}
