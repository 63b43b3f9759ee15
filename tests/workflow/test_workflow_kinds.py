"""A study with two kinds of synthesizers that are one added file each, up to the report."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from workflow_runs import CLASSES, ROOT, Run, make_cohort

ARMS = {
    "none": {},
    "replayed": {"synthetic": {"replay": 10}},
    "turned": {"synthetic": {"turned": 10}},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """No arm asks for the DCGAN whose networks `turned` uses."""
    folder = tmp_path_factory.mktemp("kinds")
    package = shutil.copytree(ROOT / "src", folder / "src")
    text = (ROOT / "tests/added_kinds.py").read_text(encoding="utf-8")
    for name in ("replay", "echo"):
        module = f"{text}\n\nsynthesizers.register({name.capitalize()})\n"
        (package / f"augtrial/synthesizers/{name}.py").write_text(module, encoding="utf-8")
    run = Run(folder, make_cohort(folder / "cohort", folds=2, a_class=3), package=package)
    dcgan = yaml.safe_load(run.configfile.read_text(encoding="utf-8"))["synthesizers"]["dcgan"]
    sizes = {"classic": 16, "samples": 20}
    run.change(
        synthesizers={
            "turned": {"kind": "echo", "used": "dcgan", **sizes},
            "replay": {"kind": "replay", **sizes},
            "dcgan": dcgan,
        },
        arms=ARMS,
        contrasts=["replayed - none", "turned - replayed"],
        curves={},
    )
    run.call()
    return run


def test_every_lesion_is_predicted_by_every_arm(run):
    predictions = pd.read_csv(run.results / "predictions.csv")
    assert set(predictions["arm"]) == set(ARMS)
    for _, rows in predictions.groupby("arm"):
        assert sorted(rows["lesion_id"]) == [f"L{number:02d}" for number in range(1, 19)]


def test_training_pictures_come_back_and_none_that_the_fold_holds_out(run):
    def images(part):
        folder = run.results / f"replicate1/part{part}"
        with np.load(folder / "rois.npz") as rois:
            return [*rois["images"], *np.concatenate(np.load(folder / "variants.npy"))]

    for fold, other in ((1, 2), (2, 1)):
        held_out, training = ({image.tobytes() for image in images(p)} for p in (fold, other))
        with np.load(run.results / f"replicate1/fold{fold}/replay/samples.npz") as samples:
            drawn = {i.tobytes() for label in CLASSES for i in samples[f"images/{label}"]}
        assert drawn <= training
        assert not drawn & held_out


def test_what_is_used_is_trained_though_no_arm_asks_for_it(run):
    for fold in (1, 2):
        folder = run.results / f"replicate1/fold{fold}"
        files = [{path.name for path in (folder / name).iterdir()} for name in ("dcgan", "turned")]
        assert files[0] == files[1] >= {"networks.pt", "networks.json", "samples.npz"}


def test_the_report_names_both_kinds_and_draws_no_losses_of_them(run):
    page = (run.results / "report.html").read_text(encoding="utf-8")
    assert "Training images, drawn at random." in page
    assert "Images of dcgan, upside down." in page
    figures = {path.stem for path in (run.results / "figures").glob("*.svg")}
    assert {"samples_turned", "samples_replay", "fidelity", "pairs_turned"} <= figures
    assert not [name for name in figures if name.startswith(("losses", "progress"))]
