"""The control arms, run: what stands in their training sets, and whom the fresh lesions are of."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from workflow_runs import Run, ancestors, file_graph, make_cohort

ARMS = {
    "classic": {"classic": 16},
    "classic+more": {"classic": 16, "extra_classic": 5},
    "classic+duplicates": {"classic": 16, "duplicates": 5},
    "classic+oracle": {"classic": 16, "oracle": 5},
    "online": {"classic": "online"},
    "hand-crafted": {"baseline": "hand-crafted"},
    "size": {"baseline": "size"},
    "spectrum": {"baseline": "spectrum"},
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A cohort, and a second table: two of its lesions, and a fresh one a class and fold."""
    folder = tmp_path_factory.mktemp("cohorts")
    table = make_cohort(folder / "cohort", folds=2)
    second = make_cohort(folder / "second", folds=2, a_class=1, seed=1)
    fresh = second.read_text(encoding="utf-8").splitlines()
    fresh = [fresh[0], *(re.sub(r"^L|,P", lambda m: f"{m[0]}x", row) for row in fresh[1:])]
    second.write_text("\n".join(fresh), encoding="utf-8")
    known = table.read_text(encoding="utf-8").splitlines()[1:3]
    lines = [row.replace("images/", f"{table.parent}/images/") for row in known]
    second.write_text("\n".join([*fresh, *lines]), encoding="utf-8")
    return table, second


@pytest.fixture(scope="module")
def run(tables, tmp_path_factory):
    table, second = tables
    run = Run(tmp_path_factory.mktemp("controls"), table)
    run.call("--dry-run")  # writes the config
    run.change(arms=ARMS, curves={}, contrasts=["classic+oracle - classic"], synthesizers={})
    run.change(oracle={"table": str(second)})
    run.change(subsets={"fractions": [0.5], "arms": ["classic", "classic+oracle"]})
    run.call("results/tiny/predictions.csv", "results/tiny/predictions_subsets.csv")
    return run


def test_every_control_trains_on_what_its_recipe_says(run):
    def images(arm):
        record = run.results / "replicate1/fold1/classifiers.json"
        return json.loads(record.read_text(encoding="utf-8"))["images"][arm]

    base = {"roi": 6, "classic": 16}  # one part of six lesions
    assert images("classic") == base
    assert images("classic+more") == {**base, "classic": 16 + 3 * 5}
    assert images("classic+duplicates") == {**base, "duplicate": 3 * 5}
    assert images("classic+oracle") == {**base, "oracle": 3 * 5}
    assert images("online") == {"online": 6}
    assert list(pd.read_csv(run.results / "predictions.csv")["arm"].unique()) == list(ARMS)


def test_no_fold_sees_a_fresh_lesion_of_its_own_or_one_of_the_cohort(run, tables):
    text = run.call("--dry-run", "--forceall").stdout
    graph = file_graph(text)
    fold_of = {}
    second = pd.read_csv(tables[1], dtype=str)
    fresh = second[second["lesion_id"].str.startswith("Lx")]
    for row in fresh.itertuples():
        fold_of[str(tables[1].parent / row.image)] = row.fold
    for fold in "12":
        folder = run.results.relative_to(run.folder) / f"replicate1/fold{fold}"
        seen = ancestors(graph, f"{folder}/classifiers.pt") & set(fold_of)
        assert {fold_of[path] for path in seen} == set("12") - {fold}
        assert not any(
            path.startswith(str(tables[0].parent))
            for part in "12"
            for path in graph[f"results/tiny/replicate1/part{part}/oracle.npz"]
        )


def test_baselines_read_the_lesions_and_nothing_that_was_trained_and_no_network_reads_them(run):
    graph = file_graph(run.call("--dry-run", "--forceall").stdout)
    scores = "results/tiny/replicate1/predictions_baselines.csv"
    seen = ancestors(graph, scores)
    assert {f"results/tiny/replicate1/part{part}/rois.npz" for part in "12"} <= seen
    assert not any("/fold" in path or "variants" in path for path in seen)
    for path in graph:
        assert (scores in ancestors(graph, path)) <= ("/fold" not in path)


def test_fresh_lesions_without_a_table_are_asked_for_before_any_job(tables, tmp_path):
    run = Run(tmp_path, tables[0])
    run.call("--dry-run")
    run.change(arms__oracle={"oracle": 3})
    message = run.call("--dry-run", check=False).stderr
    assert "arms.oracle.oracle: fresh lesions come from a second lesion table" in message
    assert "Traceback" not in message


def test_the_built_in_cohort_draws_fresh_lesions_of_its_own(tmp_path):
    run = Run(tmp_path)
    run.call("--dry-run")
    run.change(arms__oracle={"oracle": 3}, oracle={"lesions": 2})
    run.call("results/tiny/replicate1/part1/oracle.npz")
    assert (run.results / "replicate1/part1/oracle.npz").exists()
    assert not (run.results / "cohort").exists()  # new patients need no file of the cohort


def test_subsets_train_on_fewer_patients_and_judge_all_held_out_lesions(run, tables):
    predictions = pd.read_csv(run.results / "predictions_subsets.csv")
    whole = pd.read_csv(run.results / "predictions.csv")
    assert set(predictions["share"]) == {50}
    assert predictions["replicate"].unique().tolist() == [1]
    for _, rows in predictions.groupby("arm"):
        assert sorted(rows["lesion_id"]) == sorted(whole["lesion_id"].unique())
    record = run.results / "replicate1-share50/fold1/classifiers.json"
    record = json.loads(record.read_text(encoding="utf-8"))
    assert set(record["images"]) == {"classic", "classic+oracle"}
    assert record["images"]["classic+oracle"] == {"roi": 3, "classic": 8, "oracle": 3 * 2}
    fold_of = whole.drop_duplicates("lesion_id").set_index("lesion_id")["fold"]
    assert {fold_of[lesion] for lesion in record["trained_on"]} == {2}


def test_no_network_of_a_subset_depends_on_a_held_out_picture(run, tables):
    graph = file_graph(run.call("--dry-run", "--forceall").stdout)
    cohort = pd.read_csv(tables[0], dtype=str)
    for fold in "12":
        held_out = set(cohort.loc[cohort["fold"] == fold, "image"])
        seen = ancestors(graph, f"results/tiny/replicate1-share50/fold{fold}/classifiers.pt")
        own = f"{tables[0].parent.name}/images/"  # the second table's pictures have the same names
        names = {f"images/{path.rsplit('/', 1)[-1]}" for path in seen if own in path}
        assert names & set(cohort["image"])
        assert not names & held_out


def test_fresh_lesions_that_cannot_be_read_are_told_before_any_job(tables, tmp_path):
    table, second = tables
    rows = second.read_text(encoding="utf-8").replace("images/L01.npy", "images/gone.npy", 1)
    broken = second.parent / "broken.csv"
    broken.write_text(rows.replace("images/L02.npy", "grey.npy", 1), encoding="utf-8")
    np.save(second.parent / "grey.npy", np.full((64, 64), np.nan, np.float32))
    run = Run(tmp_path, table)
    run.call("--dry-run")  # writes the config
    run.change(arms=ARMS, curves={}, contrasts=["classic+oracle - classic"], synthesizers={})
    run.change(oracle={"table": str(broken)})
    done = run.call("--dry-run", check=False)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in text
    assert "gone.npy" in text
    run.change(oracle={"table": str(second)})
