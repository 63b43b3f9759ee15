"""A tiny study end to end: what it leaves, what an edit reruns, and what a fold has seen."""

import hashlib
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from augtrial.cli import main
from augtrial.jobs.predictions import named_networks
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.study import Study
from augtrial.reporting.report.markdown import summary
from workflow_runs import CLASSES, Run, draw_picture, make_cohort

ARMS = ("none", "classic", "classic+noise", "classic+dcgan", "classic+acgan")
SYNTHESIZERS = ("synthesizer.dcgan", "synthesizer.acgan")
COMPUTE = {
    "draw_phantom",
    "extract_rois",
    "make_variants",
    "transform_variants",
    "train_synthesizer",
    "train_classifiers",
    "appraise_samples",
}
# A fold's classifiers lie in one file, and the appraisal of samples looks through one of them.
OF_CLASSIFIERS = {"train_classifiers", "appraise_samples"}
TRAINED = (
    *("*.pt", "*/*.pt", "*/samples.npz", "*/progress.npz", "*.history.csv", "*/history.csv"),
    *("*/*/*.pt", "*/*/samples.npz"),
)
FOLDS = {f"replicate=1, fold={fold}" for fold in (1, 2, 3)}
NETWORKS = [*ARMS, *(f"{arm}@10" for arm in ARMS), "classic:0", "classic:8"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    run = Run(folder, make_cohort(folder / "cohort"))
    run.change(fitness=True)
    run.call()
    return run


@pytest.fixture
def copied(run, tmp_path):
    """A copy of the finished run, to go on from."""
    shutil.copytree(run.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("cohort"))
    return Run(tmp_path / "copy", run.table)


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
    of_auc = endpoints["endpoint"] == "auc"
    assert endpoints.loc[~of_auc, "value"].between(0, 1).all()
    assert endpoints.loc[of_auc, "value"].isna().all()  # of so few patients in a fold
    assert endpoints["low"].isna().all()  # of one replicate
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
        expected = values[(one, *place)] - values[(other, *place)]
        assert row.difference == pytest.approx(expected, nan_ok=True)


def test_a_result_that_was_cut_later_is_made_anew_when_that_is_asked_for(run):
    """With what stands on it, also where all of that is there, so that nothing asks for it."""
    patterns = ["results/tiny/replicate1/predictions*", "results/tiny/tables/*", "**/*.svg"]
    patterns += ["results/tiny/study.json", "results/tiny/report.html"]
    before = digests(run.folder, patterns)
    os.truncate(run.results / "replicate1/predictions_arms.csv", 100)
    cut = digests(run.folder, patterns)
    told = run.call("--dry-run").stderr
    assert "replicate1/predictions_arms.csv has 100 bytes, its job wrote" in told
    run.call("--unlock")
    refused = run.call(check=False)
    assert refused.returncode
    assert "replicate1/predictions_arms.csv has 100 bytes, its job wrote" in refused.stderr
    assert "--config repair=true" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert digests(run.folder, patterns) == cut  # nothing was removed
    run.call("--dry-run", config=["repair=true"])
    assert digests(run.folder, patterns) == cut
    run.call(config=["repair=true"])
    assert digests(run.folder, patterns) == before
    assert run.planned() == {}  # the word has changed no parameter


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
    config = yaml.safe_load(run.configfile.read_text(encoding="utf-8"))
    costs = Costs(Study.from_config({**config, "cohort": {"table": str(run.table)}}))
    asked = {
        "extract_rois/*": costs.reading_mb(),
        "make_variants/*": costs.variants_mb(),
        "train_synthesizer/*.dcgan": costs.synthesizer_mb("dcgan", 1),
        "train_synthesizer/*.acgan": costs.synthesizer_mb("acgan", 1),
        "train_classifiers/*": costs.networks_mb(1),
        "predict_replicate/*": costs.looking_mb(),
        "appraise_samples/*": costs.looking_mb(),
        "embed_lesions": costs.looking_mb(),
        "compare_arms": costs.tables_mb(),
    }
    for name, megabytes in asked.items():
        files = list((run.results / "benchmarks").glob(f"{name}.tsv"))
        assert files, name
        assert max(pd.read_csv(path, sep="\t")["max_rss"].max() for path in files) < megabytes, name


def test_the_summary_shows_the_tables_numbers(run):
    text = summary(run.results)
    endpoints = pd.read_csv(run.results / "tables" / "endpoints.csv")
    accuracy = endpoints[endpoints["endpoint"] == "accuracy"].set_index("arm")["value"]
    row = next(line for line in text.splitlines() if line.startswith("| Accuracy"))
    assert f"| {100 * accuracy['classic']:.1f} |" in row  # one replicate has no interval
    assert "conditional on the split" in text
    assert "| train_classifiers | 3 |" in text
    assert "| train_synthesizer | 6 |" in text
    assert "- classic − none (exploratory): no verdict (1 of at least 6 replicates)" in text
    assert "| Arm | 10 | 30 |" in text


def test_a_second_call_has_nothing_to_do(run):
    assert run.planned() == {}
    assert "Nothing to be done" in run.call("--dry-run").stdout


def test_an_export_takes_no_images_that_other_settings_made(edited, monkeypatch, capsys):
    monkeypatch.chdir(edited.folder)
    edited.change(cohort__table=str(edited.table))
    assert main(["export", "study.yaml", "--out", "sets"]) == 0
    assert (edited.folder / "sets/classic/replicate1/fold1/train.npz").exists()
    capsys.readouterr()
    edited.change(roi__window=[-50, 300])
    assert main(["export", "study.yaml", "--out", "other"]) == 1
    assert "other settings or code made them" in capsys.readouterr().err
    assert not (edited.folder / "other").exists()


def test_a_lock_makes_record_and_report_anew_and_the_report_tells_of_it(
    copied, monkeypatch, capsys
):
    monkeypatch.chdir(copied.folder)
    copied.change(cohort__table=str(copied.table))
    assert main(["lock", "study.yaml"]) == 0
    assert "written after results existed" in capsys.readouterr().err
    copied.change(lock="study.lock.json")
    assert set(copied.planned()) == {"all", "record_study", "write_report"}
    assert "The lock study.lock.json of 20" in copied.call("--dry-run").stderr
    copied.change(margin=0.05)
    assert "is not kept; the report will list:\n  - margin: 0.03" in copied.call().stderr
    report = (copied.results / "report.html").read_text(encoding="utf-8")
    assert "was written after results existed" in report
    assert "<li>margin: 0.03 in the lock, 0.05 now</li>" in report


def test_a_job_keeps_one_checkpoint_a_network(run):
    kept = run.trained_since({})
    jobs = {f"{job}.1.{fold}" for fold in (1, 2, 3) for job in ("classifiers", *SYNTHESIZERS)}
    assert set(kept) == jobs | {f"{job}.fitness" for job in jobs}
    for job, networks in kept.items():
        expected = {"classifiers": len(ARMS) + 2, "dcgan": len(CLASSES), "acgan": 1}
        expected |= {"classifiers": 1} if job.endswith("fitness") else {}
        assert networks == next(n for name, n in expected.items() if name in job), job


def test_a_folds_file_holds_every_network_by_its_name(run):
    for fold in (1, 2, 3):
        path = run.results / f"replicate1/fold{fold}/classifiers.pt"
        assert sorted(name for name, _ in named_networks(path)) == sorted(NETWORKS)


def test_an_arm_added_trains_the_classifiers_alone(edited):
    edited.change(arms__more={"classic": 20})
    jobs = edited.planned()
    assert jobs["train_classifiers"] == FOLDS
    assert not (COMPUTE - OF_CLASSIFIERS) & set(jobs)


def test_an_arm_that_takes_more_samples_trains_no_synthesizer(edited):
    edited.change(arms__more={"synthetic": {"dcgan": 20}})
    jobs = edited.planned()
    assert jobs["train_classifiers"] == FOLDS
    assert not (COMPUTE - OF_CLASSIFIERS) & set(jobs)


def test_an_arm_removed_trains_no_synthesizer(edited):
    edited.change(arms__none=None, contrasts=["classic+dcgan - classic"])
    jobs = edited.planned()
    assert not (COMPUTE - OF_CLASSIFIERS) & set(jobs)
    assert "compare_arms" in jobs


def test_a_synthesizers_epochs_rerun_it_and_the_classifiers(edited):
    edited.change(synthesizers__dcgan__epochs=3)
    jobs = edited.planned()
    assert {"synthesizer=dcgan" in name for name in jobs["train_synthesizer"]} == {True}
    assert jobs["train_classifiers"] == FOLDS
    assert "make_variants" not in jobs


def test_an_unrelated_key_trains_nothing(edited):
    edited.change(confidence=0.9, embedding__perplexity=4)
    jobs = edited.planned()
    assert not COMPUTE & set(jobs)
    assert {"compare_arms", "embed_lesions"} <= set(jobs)


def networks(run: Run, fold: int) -> dict[str, dict[str, torch.Tensor]]:
    return dict(named_networks(run.results / f"replicate1/fold{fold}/classifiers.pt"))


def assert_same_but(before, after, changed):
    """All networks that are in both have the same weights, but for those of some arms."""
    assert {name for name in before if name in after} - changed
    for name in before.keys() & after.keys():
        pairs = zip(before[name].values(), after[name].values(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs) == (name not in changed), name


PREDICTIONS = "results/tiny/replicate1/predictions_arms.csv"


def test_a_new_arm_trains_alone_and_the_others_stay_as_they_are(copied):
    before, kept = networks(copied, 1), copied.checkpoints()
    copied.change(arms__more={"classic": 4})
    copied.call(PREDICTIONS)
    assert copied.trained_since(kept) == {f"classifiers.1.{fold}": 1 for fold in (1, 2, 3)}
    after = networks(copied, 1)
    assert set(after) - set(before) == {"more", "more@10"}
    assert_same_but(before, after, set())


def test_a_changed_arm_trains_alone(copied):
    before, kept = networks(copied, 1), copied.checkpoints()
    copied.change(arms__none={"classic": 5})
    copied.call(PREDICTIONS)
    assert copied.trained_since(kept) == {f"classifiers.1.{fold}": 1 for fold in (1, 2, 3)}
    assert_same_but(before, networks(copied, 1), {"none", "none@10"})


def test_an_arm_that_comes_back_is_not_trained_again(copied):
    before, kept = networks(copied, 1), copied.checkpoints()
    values = yaml.safe_load(copied.configfile.read_text(encoding="utf-8"))
    fewer = {name: arm for name, arm in values["arms"].items() if name != "classic+noise"}
    for arms in (fewer, values["arms"]):
        copied.change(arms=arms)
        copied.call(PREDICTIONS)
        assert ("classic+noise" in networks(copied, 1)) == ("classic+noise" in arms)
    assert not copied.trained_since(kept)
    assert_same_but(before, networks(copied, 1), set())


def test_a_changed_synthesizer_trains_alone_and_the_arms_that_draw_on_it(copied):
    before, kept = networks(copied, 1), copied.checkpoints()
    samples = [f"fold*/{name}/samples.npz" for name in ("acgan", "dcgan")]
    drawn = digests(copied.results / "replicate1", samples)
    copied.change(synthesizers__acgan__epochs=3)
    copied.call(PREDICTIONS)
    assert copied.trained_since(kept) == {
        f"{job}.1.{fold}": 1 for job in ("classifiers", "synthesizer.acgan") for fold in (1, 2, 3)
    }
    assert_same_but(before, networks(copied, 1), {"classic+acgan", "classic+acgan@10"})
    again = digests(copied.results / "replicate1", samples)
    assert {name.split("/")[1] for name in drawn if drawn[name] != again[name]} == {"acgan"}


def test_more_samples_and_fewer_arms_train_nothing(copied):
    path = "replicate1/fold1/dcgan/samples.npz"
    with np.load(copied.results / path) as arrays:
        few = dict(arrays)
    before, kept = networks(copied, 1), copied.checkpoints()
    copied.change(synthesizers__dcgan__samples=25)
    copied.change(arms__none=None, contrasts=["classic+dcgan - classic"])
    copied.call(f"results/tiny/{path}", PREDICTIONS)
    assert not copied.trained_since(kept)
    after = networks(copied, 1)
    assert set(before) - set(after) == {"none", "none@10"}
    assert_same_but(before, after, set())
    with np.load(copied.results / path) as arrays:
        for label in CLASSES:
            more = arrays[f"images/{label}"]
            assert len(more) == 2 * 25  # two parts
            np.testing.assert_array_equal(few[f"images/{label}"], more[: 2 * 20])


def test_a_colour_an_order_or_other_words_redraw_figures_and_report_alone(edited):
    figures = {"palette": "deep", "order": ["classic+dcgan"], "labels": {"none": "keine"}}
    edited.change(figures=figures)
    jobs = set(edited.planned())
    assert jobs
    assert all(name.startswith(("draw_", "write_report", "all", "figures")) for name in jobs)
    assert not jobs & {"draw_phantom", "draw_oracle"}


def test_redrawing_starts_no_training_whatever_was_changed(edited):
    edited.change(synthesizers__dcgan__epochs=3, figures={"palette": "deep"})
    jobs = set(edited.planned("figures"))
    assert jobs
    assert all(name.startswith(("draw_", "write_report", "figures")) for name in jobs)
    assert not jobs & {"draw_phantom", "draw_oracle"}


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
        lesions = {"seen", "unseen"} if path.stem == "fitness" else lesions
        counts = [{"replicate", "replicates"}, {"fold", "folds"}, lesions, {"unit"}]
        of_images = path.stem.startswith(("fidelity", "fitness"))
        counts += [] if of_images else [{"patients"}]
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
    targets = [
        str(path.relative_to(run.folder))
        for path in sorted(run.results.glob("replicate1/fold[12]/**/*"))
        if path.suffix == ".pt" or path.name == "samples.npz"
    ]
    assert len(targets) == 2 * 2 * (1 + 2 * 2)  # for arms, and to judge fitness
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
