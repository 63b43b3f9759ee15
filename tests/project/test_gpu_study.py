"""The steps of a study on a GPU machine, at tiny size and on the CPU."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from benchmarks.gpu_bundle import pip_command, portable, prepare, tables

from augtrial.config.load import read_settings
from augtrial.core.io import read_json
from workflow_runs import ROOT, make_cohort

# What a GPU machine may lack of what the product uses elsewhere.
ABSENT = (
    "albumentations",
    "matplotlib",
    "seaborn",
    "SimpleITK",
    "skimage",
    "snakemake",
    "statsmodels",
    "torchvision",
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


def pieces(folder: Path) -> pd.DataFrame:
    return pd.DataFrame(map(read_json, sorted(folder.glob("finished/pieces/*.json"))))


def predictions(folder: Path, name: str = "arms") -> pd.DataFrame:
    files = sorted(folder.glob(f"finished/results/tiny/replicate*/fold*/predictions_{name}.csv"))
    return pd.concat(map(pd.read_csv, files))


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
    times = pieces(study / "gpu")
    assert not times.duplicated(["work", "name", "replicate", "fold"]).any()
    counts = times.groupby(["work", "name"]).size().to_dict()
    assert counts == {
        ("synthesizer", "dcgan"): 2 * 3,
        ("synthesizer", "acgan"): 2 * 3,
        ("classifiers", ""): 2 * 3,
    }


def test_every_arm_predicts_each_lesion_once_a_replicate_by_the_fold_that_held_it_out(study):
    given = pd.read_csv(study / "gpu/results/tiny/folds.csv")
    fold = given.set_index(["replicate", "lesion_id"])["fold"]
    found = predictions(study / "gpu")
    arms = {"none", "classic", "classic+dcgan", "classic+acgan", "classic online"}
    record = read_json(study / "gpu/finished/results/tiny/study.json")
    assert set(found["arm"]) == set(record["settings"]["arms"]) == arms
    assert (found.groupby(["arm", "replicate", "lesion_id"]).size() == 1).all()
    assert found["lesion_id"].nunique() == 18
    for row in found.itertuples():
        assert row.fold == fold[row.replicate, row.lesion_id]
    assert sorted(set(predictions(study / "gpu", "curve")["size"])) == [0, 8]
    assert set(predictions(study / "gpu", "updates")["updates"]) == {10}


def test_its_networks_are_those_of_the_workflow(study):
    networks = "results/tiny/replicate1/fold2/classifiers.pt"
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--cores", "2", "--configfile", "gpu/config.yaml", "--", networks),
        ],
        cwd=study,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=True,
    )
    for file in (networks, networks.replace("classifiers.pt", "dcgan/samples.npz")):
        assert (study / file).read_bytes() == (study / "gpu" / file).read_bytes()


def test_the_summary_has_verdicts_and_the_seconds_of_each_work(study):
    text = (study / "summary.md").read_text()
    assert "classic+dcgan − classic" in text
    assert "classifiers | 6 |" in text
    assert "| synthesizer dcgan |" in text
    grids = np.load(study / "gpu/finished/results/tiny/replicate1/fold1/dcgan/progress.npz")
    assert grids["images/cyst"].shape == (2, 8, 32, 32)


def test_another_machine_goes_on_from_what_travelled_back(study, tmp_path):
    """The first was lost before it had noted a piece; its networks, samples and variants too."""
    again, key = tmp_path / "gpu", ["work", "name", "replicate", "fold"]
    made = shutil.ignore_patterns("fold[1-3]", "variants.*", "replicate2", ".checkpoints")
    shutil.copytree(study / "gpu/results", again / "results", ignore=made)
    shutil.copytree(study / "gpu/finished", again / "finished")
    (again / "finished/pieces/classifiers..2.3.json").unlink()
    torn = again / "finished/results/tiny/replicate2/fold3/predictions_arms.csv"
    torn.write_text(torn.read_text()[:100])
    assert go_on(again, 5) == 0
    pd.testing.assert_frame_equal(predictions(again), predictions(study / "gpu"))
    times, before = (pieces(folder).set_index(key) for folder in (again, study / "gpu"))
    assert times.index.equals(before.index)
    assert {path.name for path in again.glob("results/tiny/replicate*/fold*")} == {"fold3"}
    trained = again.glob("results/tiny/replicate2/fold3/*/samples.npz")
    assert {path.parent.name for path in trained} == {"acgan", "dcgan"}


def test_shared_synthesizers_train_once_and_serve_all_replicates(tmp_path, monkeypatch):
    make_cohort(tmp_path / "cohort")
    monkeypatch.chdir(tmp_path)
    changes = ["cohort={table: cohort/lesions.csv}", "replicates=2", "share_synthesizer=true"]
    changes += ["folds={split: one}"]
    prepare(Path("gpu"), ROOT / "config/tiny.yaml", changes)
    assert go_on(Path("gpu"), 5) == 0
    times = pieces(Path("gpu"))
    assert times.groupby("name").size().to_dict() == {"": 2 * 3, "acgan": 3, "dcgan": 3}
    found = predictions(Path("gpu"))
    assert set(found.query("arm == 'classic+dcgan'")["replicate"]) == {1, 2}


def test_nothing_large_travels(study):
    files = [path for path in (study / "gpu/finished").rglob("*") if path.is_file()]
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
    assert read_settings(left)


def test_what_such_a_machine_lacks_travels_in_the_locked_versions(tmp_path):
    words = pip_command(tmp_path / "packages", "3.12")
    assert words[words.index("--python-version") + 1] == "3.12"
    assert words[words.index("--target") + 1] == str(tmp_path / "packages")
    pins = [word for word in words if "==" in word]
    lock = (ROOT / "requirements.lock").read_text()
    assert [pin.partition("==")[0] for pin in pins][:2] == ["pydantic", "pydantic-core"]
    assert all(f"\n{pin} \\\n" in lock for pin in pins)
