import json
import os
import random
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augtrial.core.errors import UserError
from augtrial.core.io import write_json
from augtrial.pipeline import registration as module
from augtrial.pipeline.registration import (
    CONTROL,
    PRIMARY,
    SECONDARY,
    deviations,
    new_lock,
    read_lock,
    registration,
    write_lock,
)
from augtrial.pipeline.study import Study
from augtrial.statistics import verdicts
from study_files import config
from workflow_runs import make_cohort

DATE = "2026-01-02 03:04:05 UTC"
CONTRASTS = ["classic+dcgan - classic", "classic - none"]
ARMS = {**config()["arms"], "none": {}}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(autouse=True)
def folder(table, tmp_path, monkeypatch):
    """The folder in which Snakemake would run, with a lesion table of its own."""
    monkeypatch.chdir(tmp_path)
    Path("cohort").mkdir()
    Path("cohort/images").symlink_to(table.parent / "images")
    shutil.copy(table, "cohort")
    return tmp_path


def study_of(**changes) -> Study:
    base = {"cohort": {"table": "cohort/lesions.csv"}, "arms": ARMS, "contrasts": CONTRASTS}
    return Study.from_config(config(**{**base, **changes}))


def lock_of(study: Study) -> dict:
    return new_lock(study, table="lesions.csv", date=DATE)


def edit_table(edit) -> None:
    path = Path("cohort/lesions.csv")
    edit(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


# What is a deviation -----------------------------------------------------------------------------


def test_the_same_config_gives_the_same_lock():
    assert lock_of(study_of()) == lock_of(study_of())
    assert lock_of(study_of())["hash"] != lock_of(study_of(seed=2))["hash"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"margin": 0.05}, "margin: 0.03 in the lock, 0.05 now"),
        ({"margin_reason": "Known."}, "margin_reason: empty in the lock, Known. now"),
        ({"confidence": 0.9}, "confidence: 0.95 in the lock, 0.9 now"),
        ({"replicates": 6}, "replicates: 1 in the lock, 6 now"),
        ({"primary_endpoint": "auc"}, "primary_endpoint: macro sensitivity in the lock, auc now"),
        ({"seed": 3}, "seed: 1 in the lock, 3 now"),
        ({"roi": {"size": 16, "margin": 0.4}}, "roi.margin: 0.29 in the lock, 0.4 now"),
        ({"contrasts": CONTRASTS[:1]}, "contrasts.classic - none: only in the lock"),
        (
            {"contrasts": [*CONTRASTS, "classic+dcgan - none"]},
            "contrasts.classic+dcgan - none: only now",
        ),
        ({"primary": CONTRASTS[1]}, "contrasts.classic - none: secondary in the lock, primary now"),
        ({"arms": {**ARMS, "more": {"classic": 8}}}, "arms.more: only now"),
        (
            {"arms": {**ARMS, "classic": {"classic": 12}}},
            "arms.classic.classic: 16 in the lock, 12 now",
        ),
        (
            {"classifier": {"channels": [4], "budget": {"epochs": 7}}},
            "classifier.budget.epochs: 150 in the lock, 7 now",
        ),
        (
            {"synthesizers": {"dcgan": {**config()["synthesizers"]["dcgan"], "epochs": 3}}},
            "synthesizers.dcgan.epochs: 70 in the lock, 3 now",
        ),
    ],
)
def test_a_change_is_named_with_what_it_was_and_what_it_is(changes, line):
    assert line in deviations(lock_of(study_of()), study_of(**changes))


@pytest.mark.parametrize("column", ["lesion_id", "patient_id", "label", "x0", "image"])
def test_a_changed_cell_of_the_lesion_table_is_a_deviation(column):
    lock, new = lock_of(study_of()), {"label": "cyst", "x0": "20", "image": "images/L02.npy"}

    def change(table):
        table.loc[len(table) - 1, column] = new.get(column, "other")
        return table

    edit_table(change)
    (rows,) = [line for line in deviations(lock, study_of()) if line.startswith("cohort.rows: ")]
    before, _, after = rows.removeprefix("cohort.rows: ").partition(" in the lock, ")
    assert before == lock["entries"]["cohort"]["value"]["rows"]
    assert after.removesuffix(" now") not in ("", before)


def test_a_lesion_in_another_fold_is_a_deviation_of_the_folds():
    lock = lock_of(study_of())
    edit_table(lambda table: table.assign(fold=["2", "1", *table["fold"][2:]]))
    assert any(line.startswith("folds.assignment: hash ") for line in deviations(lock, study_of()))
    edit_table(lambda table: table.drop(columns="fold"))
    lines = deviations(lock, study_of(folds={"number": 3}))
    assert "folds.split: given in the lock, each now" in lines


def test_other_fresh_lesions_are_a_deviation(folder):
    make_cohort(folder / "fresh", folds=3, a_class=20, seed=1)
    arms = {**ARMS, "oracle": {"classic": 16, "oracle": 4}}
    changes = {"arms": arms, "oracle": {"table": "fresh/lesions.csv"}}
    changes |= {"contrasts": [*CONTRASTS, "oracle - classic"]}
    lock = lock_of(study_of(**changes))
    assert lock["entries"]["contrasts"]["value"]["oracle - classic"] == "positive control"
    make_cohort(folder / "fresh", folds=3, a_class=21, seed=1)
    lines = deviations(lock, study_of(**changes))
    assert "oracle.lesions: 180 in the lock, 189 now" in lines
    assert all(line.startswith("oracle.") for line in lines)


def test_changed_code_is_listed_last(monkeypatch):
    lock = lock_of(study_of())
    monkeypatch.setattr(module, "code_fingerprint", lambda study: "hash 0")
    lines = deviations(lock, study_of(margin=0.05, confidence=0.9))
    code = lock["entries"]["code"]["value"]
    assert lines[-1] == f"code changed: {code} in the lock, augtrial 0.1.0, hash 0 now"
    assert len(lines) == 3


# What is none ------------------------------------------------------------------------------------


def shuffled(value, chance: random.Random):
    """Return the same config with the keys of every group in another order."""
    if not isinstance(value, dict):
        return value
    items = [(key, shuffled(inner, chance)) for key, inner in value.items()]
    return dict(chance.sample(items, len(items)))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False))
def test_the_order_of_keys_and_comments_are_no_deviation(chance):
    study = study_of()
    written = study.settings.model_dump(mode="json")  # with every default
    text = f"# A comment\n{yaml.safe_dump(shuffled(written, chance), sort_keys=False)}"
    again = Study.from_config(yaml.safe_load(text))
    assert deviations(lock_of(study), again) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "x", "figures": {"palette": "deep"}, "lock": "x.json", "study": "renamed"},
        {"primary": CONTRASTS[0], "contrasts": CONTRASTS[::-1]},
        {"curves": {"classic": {"sizes": [0, 8]}}, "fidelity": {"images": 0}, "device": "cpu"},
        {"classifier": {"channels": [4], "eval_updates": [5]}},
        {"oracle": {"lesions": 7}},  # which no arm asks for
    ],
)
def test_what_no_verdict_depends_on_is_no_deviation(changes):
    assert deviations(lock_of(study_of()), study_of(**changes)) == []


def test_the_place_of_the_table_its_order_and_unused_columns_are_no_deviation(folder):
    edit_table(lambda table: table.drop(columns="fold"))
    lock = lock_of(study_of())
    edit_table(lambda table: table.assign(reader="A").iloc[::-1])
    os.rename("cohort", "moved")
    path = Path("moved/lesions.csv")
    for place in ("moved/lesions.csv", str(folder / path)):
        assert deviations(lock, study_of(cohort={"table": place})) == []


# The files ---------------------------------------------------------------------------------------


@pytest.fixture
def written(folder):
    """The config file of a study, its lock and its protocol page."""
    settings = study_of(margin_reason="Half of what | fresh lesions gain.").settings
    Path("mine.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    path, page, _ = write_lock(Path("mine.yaml"))
    assert (path.name, page.name) == ("mine.lock.json", "mine.protocol.md")
    return path, page


def test_a_lock_is_read_as_it_was_written_and_its_study_keeps_it(written):
    study = study_of(margin_reason="Half of what | fresh lesions gain.", lock="mine.lock.json")
    found = registration(study)
    lock = read_lock(written[0])
    assert found["deviations"] == []
    assert (found["lock"], found["hash"]) == ("mine.lock.json", lock["hash"])
    assert (found["date"], found["first_predictions"]) == (lock["date"], "")
    assert registration(study_of()) == {}


def test_the_protocol_says_what_is_compared_and_how_verdicts_are_decided(written):
    text = written[1].read_text(encoding="utf-8")
    for words in (
        "# Protocol of the study made-up",
        "18 lesions of 18 patients (6 cyst, 6 hemangioma and 6 metastasis)",
        "given by the lesion table",
        "| classic+dcgan | The lesions' own ROIs, 16 classic variants per fold and 5 synthetic",
        "Primary endpoint: macro sensitivity",
        "3 points (Half of what | fresh lesions gain.)",
        "1 replicate of",
        read_lock(written[0])["hash"],
        "All verdicts hold given the split.",
    ):
        assert words in text
    assert text.index("**classic+dcgan − classic** | primary") < text.index("| classic − none | ")
    for word in (*verdicts.GAINS, *verdicts.LOSSES, verdicts.NO_DIFFERENCE, verdicts.CANNOT_TELL):
        assert f"\n| {word} | " in text
    assert "existed" not in text


def test_the_roles_are_those_of_the_verdicts():
    assert (PRIMARY, CONTROL, SECONDARY) == (
        verdicts.PRIMARY,
        verdicts.CONTROL,
        verdicts.SECONDARY,
    )


def test_a_lock_is_not_written_over_another(written):
    before = written[0].read_bytes()
    with pytest.raises(UserError, match=r"mine\.lock\.json exists already"):
        write_lock(Path("mine.yaml"))
    assert written[0].read_bytes() == before
    path, page, _ = write_lock(Path("mine.yaml"), Path("second.json"))
    assert (path.name, page.name) == ("second.json", "second.protocol.md")


def test_a_folder_is_no_place_for_a_lock(written):
    with pytest.raises(UserError, match=r"\. exists already"):
        write_lock(Path("mine.yaml"), Path())


def test_a_lock_of_a_study_that_cannot_run_is_not_written():
    arms = {**ARMS, "classic": {"classic": 10_000}}
    settings = study_of(arms=arms).settings.model_dump(mode="json")
    Path("mine.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(UserError, match=r"arms\.classic\.classic: 10000 variants"):
        write_lock(Path("mine.yaml"))
    assert not Path("mine.lock.json").exists()


def test_a_lock_after_results_says_so(folder):
    predictions = Path("results/made-up/replicate1/predictions_arms.csv")
    predictions.parent.mkdir(parents=True)
    predictions.touch()
    os.utime(predictions, (0, 1_000_000_000))
    Path("mine.yaml").write_text(yaml.safe_dump(study_of().settings.model_dump(mode="json")))
    _, page, lock = write_lock(Path("mine.yaml"))
    assert lock["first_predictions"] == "2001-09-09 01:46:40 UTC"
    text = page.read_text(encoding="utf-8")
    assert "**Written after results existed** (predictions of 2001-09-09 01:46:40 UTC)" in text


def edited(lock: dict, **entry) -> str:
    lock["entries"]["margin"] |= entry
    return json.dumps(lock)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda lock: "margin: 0.03", "cannot be read as JSON"),
        (lambda lock: "[1]", "is not a lock"),
        (lambda lock: '{"margin": 0.03}', "is not a lock"),
        (lambda lock: json.dumps({**lock, "version": 7}), "is of version 7, and augtrial"),
        (lambda lock: edited(lock, value=0.05), "was changed in margin after it was written"),
        (lambda lock: json.dumps({**lock, "entries": [3]}), "was changed after it was written"),
        (
            lambda lock: json.dumps({**lock, "entries": {**lock["entries"], "margin": 0.05}}),
            "was changed in margin after it was written",
        ),
        (lambda lock: json.dumps({**lock, "date": DATE}), "was changed after it was written"),
    ],
)
def test_a_lock_that_cannot_be_used_is_told_in_words(written, content, told):
    lock = read_lock(written[0])
    written[0].write_text(content(lock), encoding="utf-8")
    with pytest.raises(UserError, match=told):
        read_lock(written[0])


def test_a_missing_lock_is_told_with_the_nearest(written):
    with pytest.raises(UserError, match=r"no file mime\.lock\.json; did you mean 'mine\.lock"):
        read_lock(Path("mime.lock.json"))
    written[0].unlink()
    with pytest.raises(UserError, match="write one with: augtrial lock CONFIG"):
        read_lock(written[0])


def test_a_lock_of_json_written_anew_still_fits(written):
    lock = json.loads(written[0].read_text(encoding="utf-8"))
    write_json("other.json", dict(reversed(lock.items())))
    assert read_lock(Path("other.json")) == lock
