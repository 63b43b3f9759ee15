"""Settings that do not fit the lesions are told before the run."""

import pandas as pd
import pytest
import yaml

from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.study import Study
from workflow_runs import ROOT, make_cohort


@pytest.fixture
def table(tmp_path):
    """A lesion table with patients and folds: 18 lesions."""
    return make_cohort(tmp_path / "cohort")


def without(table, *columns, name="lesions.csv"):
    """Write a table anew with some of its columns empty."""
    rows = pd.read_csv(table, dtype=str)
    rows[list(columns)] = ""
    path = table.parent / name
    rows.to_csv(path, index=False)
    return path


def problems(table, **changes):
    config = {"study": "s", "cohort": {"table": str(table)}, "arms": {"none": {}}, **changes}
    return fit_problems(Study.from_config(config))


def test_more_folds_than_patients_are_left_to_the_check_of_the_table(table):
    arms = {"none": {}, "more": {"extra_classic": 5}}
    path = without(table, "fold")
    assert problems(path, arms=arms, folds={"number": 20}) == []


def test_fewer_fresh_lesions_than_an_arm_asks_for_are_told_of_the_phantom_too():
    arms = {"none": {}, "fresh": {"oracle": 100}}
    (problem,) = problems("phantom", arms=arms, oracle={"lesions": 5}, classic={"n_rotations": 1})
    assert problem.startswith("oracle.lesions: 5 fresh lesions")
    assert problems("phantom", arms=arms, oracle={"lesions": 5}) == []


@pytest.mark.parametrize(
    ("unknown", "of_second", "told"),
    [
        (["patient_id"], [], False),  # folds in both
        (["fold"], ["fold"], False),  # patients in both
        (["patient_id"], ["fold"], True),
        (["patient_id", "fold"], ["patient_id", "fold"], True),
    ],
)
def test_fresh_lesions_must_be_known_to_be_of_other_patients(table, unknown, of_second, told):
    second = without(table, *of_second, name="second.csv")
    rows = second.read_text(encoding="utf-8").replace("\nL", "\nfresh").replace(",P", ",fresh")
    second.write_text(rows, encoding="utf-8")
    arms = {"none": {}, "fresh": {"oracle": 1}}
    found = problems(without(table, *unknown), arms=arms, oracle={"table": str(second)})
    assert any("it is not known whether a fresh lesion" in problem for problem in found) == told
    assert len(found) == told


def test_configs_run_on_lesions_of_ones_own_as_the_readme_says(tmp_path):
    table = make_cohort(tmp_path / "cohort", a_class=20)
    quick = yaml.safe_load((ROOT / "config/quick.yaml").read_text(encoding="utf-8"))
    whole = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    del whole["arms"]["classic+oracle"]
    whole["contrasts"].remove("classic+oracle - classic")
    for config in (quick, whole):
        own = config | {"study": "mine", "cohort": {"table": str(table)}}
        assert fit_problems(Study.from_config(own)) == []


def test_a_class_without_images_to_repeat_is_told():
    some, every = {"cyst": 5}, dict.fromkeys(("cyst", "metastasis", "hemangioma"), 5)
    arm = {"originals": False, "duplicates": 5}
    arms = {"none": {}, "a": {**arm, "synthetic": {"dcgan": some}}}
    one, other = problems("phantom", arms=arms)
    assert one == "arms.a.duplicates: there is no image of class 'metastasis' to repeat"
    assert "'hemangioma'" in other
    arms["a"]["synthetic"] = {"dcgan": every}
    assert problems("phantom", arms=arms) == []
