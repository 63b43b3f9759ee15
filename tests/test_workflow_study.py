"""A tiny study end to end: what it leaves, what an edit reruns, and what a fold has seen."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from benchmarks.needs import rows as memory_rows

from augtrial.report.markdown import summary
from workflow_runs import CLASSES, Run, draw_picture, make_cohort

pytestmark = pytest.mark.study

ARMS = ("none", "classic", "classic+noise", "classic+dcgan", "classic+acgan")
COMPUTE = {
    "draw_phantom",
    "extract_rois",
    "make_variants",
    "transform_variants",
    "train_synthesizer",
    "draw_samples",
    "train_arm",
    "train_curve",
    "appraise_samples",
}
TRAINED = ("arms/*.pt", "curves/*.pt", "*/*.pt", "*/samples.npz", "*/*.history.csv")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    run = Run(folder, make_cohort(folder / "cohort"))
    run.change(jobs="network")
    run.call()
    return run


@pytest.fixture
def edited(run):
    """The finished run; its config is put back after the test."""
    path = run.folder / "study.yaml"
    before = path.read_text(encoding="utf-8")
    yield run
    path.write_text(before, encoding="utf-8")


def digests(folder, patterns) -> dict[str, str]:
    files = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_predictions_hold_every_lesion_once_an_arm(run):
    predictions = pd.read_csv(run.results / "predictions.csv")
    probabilities = [f"p_{label}" for label in CLASSES]
    for _, rows in predictions.groupby(["arm", "replicate"]):
        assert sorted(rows["lesion_id"]) == [f"L{number:02d}" for number in range(1, 19)]
    assert set(predictions["arm"]) == set(ARMS)
    np.testing.assert_allclose(predictions[sorted(probabilities)].sum(axis=1), 1, atol=1e-6)
    best = predictions[sorted(probabilities)].idxmax(axis=1).str.removeprefix("p_")
    assert (best == predictions["predicted"]).all()


def test_the_given_folds_are_kept(run):
    table = pd.read_csv(run.table).set_index("lesion_id")["fold"]
    for name in ("folds.csv", "predictions.csv"):
        rows = pd.read_csv(run.results / name)
        assert (rows["fold"] == rows["lesion_id"].map(table)).all()


def test_tables_hold_the_columns_that_others_read(run):
    endpoints = pd.read_csv(run.results / "tables" / "endpoints.csv")
    columns = ["arm", "endpoint", "class", "value", "low", "high", "replicates"]
    assert columns == [name for name in endpoints.columns if name in columns]
    assert set(endpoints["endpoint"]) == {"sensitivity", "specificity", "accuracy", "auc"}
    assert set(endpoints["class"]) == {*CLASSES, "macro", "weighted", "all"}
    assert endpoints["value"].between(0, 1).all()
    contrasts = pd.read_csv(run.results / "tables" / "contrasts.csv")
    assert {"contrast", "endpoint", "difference", "low", "high"} <= set(contrasts.columns)
    assert (endpoints["conditional_on"] == "the split").all()
    curve = pd.read_csv(run.results / "tables" / "curve.csv")
    assert set(curve["size"]) == {0, 8}


def test_differences_are_those_of_the_endpoints(run):
    endpoints = pd.read_csv(run.results / "tables" / "endpoints.csv")
    values = endpoints.set_index(["arm", "endpoint", "class"])["value"]
    for row in pd.read_csv(run.results / "tables" / "contrasts.csv").itertuples():
        one, other = row.contrast.split(" - ")
        place = row.endpoint, row._3
        assert row.difference == pytest.approx(values[(one, *place)] - values[(other, *place)])


def test_a_result_that_was_cut_later_is_made_anew_with_what_stands_on_it(run):
    """Also where all that was made from it is there, so that nothing asks for it."""
    patterns = ["results/tiny/replicate1/predictions*", "results/tiny/tables/*", "**/*.svg"]
    before = digests(run.folder, patterns)
    os.truncate(run.results / "replicate1/predictions.csv", 100)
    told = run.call("--dry-run").stderr
    assert "replicate1/predictions.csv has 100 bytes" in told
    assert (run.results / "tables/endpoints.csv").exists()  # a dry run removes nothing
    run.call()
    assert digests(run.folder, patterns) == before


def test_samples_name_the_lesions_that_they_were_learnt_from(run):
    folds = pd.read_csv(run.results / "folds.csv").set_index("lesion_id")["fold"]
    for fold in (1, 2, 3):
        for synthesizer in ("dcgan", "acgan"):
            path = run.results / f"replicate1/fold{fold}/{synthesizer}/samples.npz"
            with np.load(path) as samples:
                assert set(samples["trained_on"]) == set(folds.index[folds != fold])
                assert {key for key in samples.files if key.startswith("images/")} == {
                    f"images/{label}" for label in CLASSES
                }


def test_a_users_transform_changes_that_arms_variants_and_no_others(run):
    plain = np.load(run.results / "replicate1/part1/variants.npy")
    noisy = np.load(run.results / "replicate1/part1/transformed/classic+noise.npy")
    heads = [variants[: 16 // 6 + 1] for variants in plain]
    assert len(noisy) == 16
    same = [
        any(np.array_equal(image, head) for heads_ in heads for head in heads_) for image in noisy
    ]
    assert 1 < sum(same) < 15  # p is 0.5


def test_no_job_took_more_memory_than_it_asks_a_cluster_for(run, monkeypatch):
    monkeypatch.chdir(run.folder)
    rows = memory_rows(Path("results/tiny"))
    assert {row[0] for row in rows} >= {"tiny: train_arm", "tiny: train_synthesizer"}
    for name, asked, took, *_ in rows:
        assert float(took) < asked, name


def test_the_summary_shows_the_tables_numbers(run):
    text = summary(run.results)
    endpoints = pd.read_csv(run.results / "tables" / "endpoints.csv")
    accuracy = endpoints[endpoints["endpoint"] == "accuracy"].set_index("arm")["value"]
    row = next(line for line in text.splitlines() if line.startswith("| Accuracy"))
    assert f"| {100 * accuracy['classic']:.1f} (" in row
    assert "conditional on the split" in text
    assert "| train_arm | 15 |" in text
    assert "- classic − none: no verdict (1 of at least 6 replicates)" in text
    assert "| Arm | 10 | 30 |" in text


def test_a_second_call_has_nothing_to_do(run):
    assert run.planned() == {}
    assert "Nothing to be done" in run.call("--dry-run").stdout


def test_no_checkpoint_is_left(run):
    assert not list((run.results / ".checkpoints").glob("*/*"))


def test_an_arm_added_trains_that_arm_alone(edited):
    edited.change(arms__more={"classic": 20})
    jobs = edited.planned()
    assert jobs["train_arm"] == {f"replicate=1, fold={fold}, arm=more" for fold in (1, 2, 3)}
    assert not (COMPUTE - {"train_arm"}) & set(jobs)


def test_an_arm_that_takes_more_samples_trains_that_arm_alone(edited):
    edited.change(arms__more={"synthetic": {"dcgan": 20}})
    jobs = edited.planned()
    assert {name.split("arm=")[1] for name in jobs["train_arm"]} == {"more"}
    assert not {"train_synthesizer", "draw_samples"} & set(jobs)


def test_more_samples_are_drawn_without_training_the_synthesizer(edited):
    edited.change(synthesizers__dcgan__samples=25)
    jobs = edited.planned()
    assert "train_synthesizer" not in jobs
    assert {name.split("synthesizer=")[1] for name in jobs["draw_samples"]} == {"dcgan"}


def test_an_arm_removed_trains_nothing(edited):
    edited.change(arms__none=None, contrasts=["classic+dcgan - classic"])
    jobs = edited.planned()
    assert not COMPUTE & set(jobs)
    assert "compare_arms" in jobs


def test_an_arm_changed_trains_that_arm_alone(edited):
    edited.change(arms__none={"classic": 5})
    assert {name.split("arm=")[1] for name in edited.planned()["train_arm"]} == {"none"}


def test_a_synthesizers_epochs_rerun_it_and_the_arms_that_draw_on_it(edited):
    edited.change(synthesizers__dcgan__epochs=3)
    jobs = edited.planned()
    assert {"dcgan" in name for name in jobs["train_synthesizer"]} == {True}
    assert {name.split("arm=")[1] for name in jobs["train_arm"]} == {"classic+dcgan"}
    assert "make_variants" not in jobs


def test_an_unrelated_key_trains_nothing(edited):
    edited.change(confidence=0.9, embedding__perplexity=4)
    jobs = edited.planned()
    assert not COMPUTE & set(jobs)
    assert {"compare_arms", "embed_lesions"} <= set(jobs)


def test_two_jobs_a_fold_give_the_same_bytes_and_keep_what_they_have_trained(run, tmp_path):
    by_fold = Run(tmp_path, run.table)
    target = "results/tiny/replicate1/predictions.csv"
    by_fold.call(target)
    assert "jobs: fold" in by_fold.configfile.read_text(encoding="utf-8")
    folder = by_fold.results / "replicate1"
    patterns = ["predictions*.csv", "fold*/*/samples.npz", "fold*/arms/*.pt", "fold*/curves/*.pt"]
    before = digests(folder, patterns)
    assert before == digests(run.results / "replicate1", patterns)
    assert len(before) == 3 + 3 * (2 + len(ARMS) + 1)

    by_fold.change(synthesizers__acgan__epochs=3, arms__more={"classic": 4})
    by_fold.call(target)
    after = digests(folder, patterns)
    changed = {name.partition("/")[2] for name in before if before[name] != after[name]} - {""}
    assert changed == {"acgan/samples.npz", "arms/classic+acgan.pt"}
    assert newly_trained(by_fold, "train_synthesizers") == 1
    assert newly_trained(by_fold, "train_classifiers") == 2

    values = yaml.safe_load(by_fold.configfile.read_text(encoding="utf-8"))
    arms = {name: arm for name, arm in values["arms"].items() if name != "classic+acgan"}
    by_fold.change(arms=arms, contrasts=["classic - none"], synthesizers__dcgan__samples=25)
    by_fold.call("results/tiny/replicate1/fold1/dcgan/samples.npz")
    assert newly_trained(by_fold, "train_synthesizers") == 0


def newly_trained(run: Run, rule: str) -> int:
    """Return how many networks the last job of the first fold trained, not taken from a place."""
    log = run.results / f"logs/{rule}/replicate1.fold1.log"
    took = re.findall(r"trained .* in ([\d.]+) s", log.read_text(encoding="utf-8"))
    assert took
    return sum(float(seconds) > 0 for seconds in took)


def test_a_colour_an_order_or_other_words_redraw_figures_and_report_alone(edited):
    figures = {"palette": "deep", "order": ["classic+dcgan"], "labels": {"none": "keine"}}
    edited.change(figures=figures)
    jobs = set(edited.planned())
    assert jobs
    assert all(name.startswith(("draw_", "write_report", "all", "figures")) for name in jobs)
    assert not jobs & {"draw_samples", "draw_phantom"}


def test_redrawing_starts_no_training_whatever_was_changed(edited):
    edited.change(synthesizers__dcgan__epochs=3, figures={"palette": "deep"})
    jobs = set(edited.planned("figures"))
    assert jobs
    assert all(name.startswith(("draw_", "write_report", "figures")) for name in jobs)
    assert not jobs & {"draw_samples", "draw_phantom"}


def test_redrawing_what_was_never_computed_names_the_command(tmp_path):
    run = Run(tmp_path, make_cohort(tmp_path / "cohort"))
    done = run.call("figures", "--dry-run", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in text
    assert "snakemake --cores" in text


def test_every_table_says_its_units_and_what_it_counts(run):
    points = {"embedding"}  # coordinates of a picture; its numbers are in embedding_neighbours
    for path in sorted((run.results / "tables").glob("*.csv")):
        columns = set(pd.read_csv(path, nrows=0).columns)
        if path.stem in points:
            continue
        lesions = {"training", "held_out"} if path.stem.startswith("fidelity") else {"lesions"}
        counts = [{"replicate", "replicates"}, {"fold", "folds"}, lesions, {"unit"}]
        counts += [] if path.stem.startswith("fidelity") else [{"patients"}]
        assert all(columns & wanted for wanted in counts), (path.name, columns)


def test_other_pictures_of_the_held_out_lesions_change_nothing_of_their_fold(run, tmp_path):
    """On one core, so that the jobs also come in another order than in the first run."""
    held_out = 1
    shutil.copytree(run.folder / "cohort", tmp_path / "cohort")
    table = pd.read_csv(run.table)
    rng = np.random.default_rng(99)
    for row in table[table["fold"] == held_out].itertuples():
        draw_picture(tmp_path / "cohort" / row.image, row.label, rng)
    other = Run(tmp_path, tmp_path / "cohort" / "lesions.csv")
    other.change(jobs="network")
    targets = [
        str(path.relative_to(run.folder))
        for path in sorted(run.results.glob("replicate1/fold[12]/*/*"))
        if path.suffix == ".pt" or path.name == "samples.npz"
    ]
    assert len(targets) == 2 * (len(ARMS) + 1 + (3 + 1) + 2)
    other.call(*targets, cores=1)
    same, changed = (
        [digests(r.results / f"replicate1/fold{fold}", TRAINED) for r in (run, other)]
        for fold in (1, 2)
    )
    assert same[0] == same[1]
    assert changed[0].keys() == changed[1].keys()
    assert all(changed[0][name] != changed[1][name] for name in changed[0])
    for part in (2, 3):
        path = f"replicate1/part{part}/variants.npy"
        assert (run.results / path).read_bytes() == (other.results / path).read_bytes()
