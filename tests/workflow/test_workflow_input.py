"""Bad input through the workflow: one clear message, no traceback, nothing computed is lost."""

import numpy as np
import pytest

from workflow_runs import Run, make_cohort


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path, make_cohort(tmp_path / "cohort"))


def refusal(run: Run, *arguments: str, **options) -> str:
    done = run.call("--dry-run", *arguments, check=False, **options)
    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "Traceback" not in text
    assert "pydantic" not in text
    return text


def test_settings_that_do_not_exist_are_told_with_the_nearest(run):
    text = refusal(run, config=["replicats=3", "classifier={dropuot: 0.1}"])
    assert "unknown key 'replicats'; did you mean 'replicates'?" in text
    assert "classifier.dropuot: unknown key 'dropuot'; did you mean 'dropout'?" in text


def test_a_missing_table_is_named(run, tmp_path):
    run.table = tmp_path / "nowhere.csv"
    assert "nowhere.csv" in refusal(run)


def test_pictures_that_cannot_be_used_are_told_all_at_once(run, tmp_path):
    images = tmp_path / "cohort" / "images"
    np.save(images / "L01.npy", np.full((64, 64), np.nan, np.float32))
    np.save(images / "L02.npy", np.zeros((64, 64), np.float32))
    (images / "L03.npy").write_bytes(b"\x93NUMPY")
    (images / "L04.npy").unlink()
    text = refusal(run)
    assert "L04" in text
    np.save(images / "L04.npy", np.zeros((10, 10), np.float32))
    text = refusal(run)
    assert all(name in text for name in ("L01", "L02", "L03", "L04"))


def test_an_arm_that_asks_for_more_variants_than_there_are_is_told_the_limit(run):
    text = refusal(run, config=["arms={classic: {classic: 49}}", "contrasts=[]", "curves={}"])
    assert "arms.classic.classic: 49 variants per fold" in text
    assert "48" in text


def test_an_unknown_class_in_an_arm_is_told_with_the_nearest(run):
    arms = "arms={classic: {classic: 8}, a: {synthetic: {dcgan: {cist: 3}}}}"
    assert "did you mean 'cyst'?" in refusal(run, config=[arms, "contrasts=[]"])


def test_weights_for_features_that_cannot_be_read_are_told_before_any_job(run):
    text = refusal(run, config=["fidelity={weights: nowhere.pt}"])
    assert "fidelity.weights: nowhere.pt does not exist" in text


def test_a_lock_that_is_missing_is_told_before_any_job(run):
    text = refusal(run, config=["lock=nowhere.json"])
    assert "lock: there is no file nowhere.json; write one with: augtrial lock CONFIG" in text


def test_an_unknown_transform_of_an_arm_is_told_before_any_job(run):
    arms = "arms={classic: {classic: 8, transforms: [GausNoise]}}"
    text = refusal(run, config=[arms, "contrasts=[]", "curves={}"])
    assert "arms.classic.transforms: unknown albumentations transform 'GausNoise'" in text


def test_what_was_found_fit_is_not_read_again_until_it_changes(run, tmp_path):
    first = run.call("--dry-run").stderr
    assert "fit for a study" in first
    assert "fit for a study" not in run.call("--dry-run").stderr
    np.save(tmp_path / "cohort" / "images" / "L05.npy", np.zeros((64, 64), np.float32))
    assert "L05" in refusal(run)
