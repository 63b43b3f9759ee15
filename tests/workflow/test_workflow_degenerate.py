"""A study with everything against it is answered, not crashed: tables, verdicts and the report."""

import pandas as pd
import pytest

from workflow_runs import Run, make_cohort


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One replicate, no patient ids, lesions and classes that look like numbers or like nothing,
    three cysts and none of them in fold 3, a network that has hardly been trained, and an arm that
    is compared with itself."""
    folder = tmp_path_factory.mktemp("degenerate")
    table = make_cohort(folder / "cohort", folds=3, a_class=4)
    lesions = pd.read_csv(table, dtype=str)
    lesions["patient_id"], lesions["lesion_id"] = "", lesions["lesion_id"].str.removeprefix("L")
    lesions["label"] = lesions["label"].replace({"metastasis": "01", "hemangioma": "NA"})
    cysts = lesions.index[lesions["label"] == "cyst"]  # four a fold
    lesions.drop(cysts[[2, 3, *range(5, 12)]]).to_csv(table, index=False)
    run = Run(folder, table)
    run.call("--dry-run", check=False)  # writes the config
    run.change(
        arms={"none": {"budget": {"updates": 1}}, "size": {"baseline": "size"}},
        **{"curves": {}, "synthesizers": {}, "classifier__eval_updates": []},
        contrasts=["none - none", "size - none"],
    )
    run.call()
    return run


def table(run, name) -> pd.DataFrame:
    return pd.read_csv(run.results / "tables" / f"{name}.csv", keep_default_na=False)


def test_an_arm_against_itself_differs_by_nothing(run):
    verdicts = table(run, "verdicts").set_index("contrast")
    assert verdicts.loc["none - none", "verdict"] == "no relevant difference"
    assert float(verdicts.loc["none - none", "difference"]) == 0
    assert verdicts.loc["size - none", "verdict"] == "no verdict"
    assert "1 of at least 6 replicates" in verdicts.loc["size - none", "reason"]
    assert "did not converge" in verdicts.loc["size - none", "reason"]


def test_names_stay_as_the_table_has_them(run):
    rois = pd.read_csv(run.results / "rois.csv", dtype=str, keep_default_na=False)
    assert set(rois["label"]) == {"cyst", "01", "NA"}
    assert "01" in set(rois["lesion_id"])
    assert set(table(run, "endpoints")["class"]) >= {"cyst", "01", "NA"}


def test_what_a_missing_class_leaves_is_told(run):
    endpoints = table(run, "endpoints")
    cyst = endpoints.query("endpoint == 'sensitivity' and `class` == 'cyst'").set_index("arm")
    assert set(cyst["lesions"]) == {3}
    assert (cyst["method"] == "no interval from 1 replicate").all()
    auc = endpoints.query("endpoint == 'auc'")
    assert auc["method"].str.startswith("not estimable; 100 % of the folds have fewer").all()


def test_the_report_says_what_is_the_matter(run):
    page = (run.results / "report.html").read_text(encoding="utf-8")
    assert "The lesion table has no patient ids." in page
    assert "did not converge" in page
