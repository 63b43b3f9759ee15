import subprocess
import sys
from dataclasses import replace

import pytest

import study_files
from augtrial.cohort.lesion import Cohort
from augtrial.core.errors import UserError
from augtrial.pipeline.design import (
    CONTRAST,
    PATIENTS,
    REPLICATE,
    judged,
    outcome,
    plan_table,
    remarks,
    secondary,
    worth,
)
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.study import Study
from augtrial.statistics.components import Scenarios, typed_components
from augtrial.statistics.power import AS_PLANNED
from augtrial.statistics.verdicts import PRIMARY, SECONDARY
from workflow_runs import ROOT

ARMS = {name: {"classic": 16} for name in ("a", "b", "c", "d")}
CONTRASTS = {"arms": ARMS, "contrasts": ["a - b", "a - c", "a - d"]}
CLASSES = {"cyst": 60, "hemangioma": 30}
COHORT = {"cohort": {"table": "phantom", "phantom": {"classes": CLASSES}}}


def study(**changes):
    return judged(Study.from_config(study_files.config(**{"replicates": 6, **changes})))


def table(**changes):
    variance: Scenarios = typed_components("patients=10,replicates=1,both=20")
    return plan_table(study(**{**COHORT, **CONTRASTS, **changes}), variance, Machine(2, 0))


def detectable(found):
    return found.groupby(["design", "role"])["detectable"].first()


def test_unequal_classes_make_a_cohort_worth_fewer_patients():
    planned = study(**COHORT)
    known = outcome(planned)
    patients = len({lesion.patient_id for lesion in planned.lesions})
    assert worth(planned, known) == pytest.approx(patients * 40 / 45)
    accuracy = study(**COHORT, primary_endpoint="accuracy")
    assert worth(accuracy, outcome(accuracy)) == patients


def test_what_would_help_is_told_for_the_contrast_that_it_helps():
    found = detectable(table())
    for change in (REPLICATE, PATIENTS):
        for role in (PRIMARY, SECONDARY):
            assert found[change, role] < found[AS_PLANNED, role]
    assert found[CONTRAST, PRIMARY] == found[AS_PLANNED, PRIMARY]
    assert found[CONTRAST, SECONDARY] < found[AS_PLANNED, SECONDARY]
    assert found[AS_PLANNED, PRIMARY] < found[AS_PLANNED, SECONDARY]


def test_the_last_contrast_beside_the_primary_one_cannot_be_spared():
    found = table(contrasts=["a - b", "a - c"])
    assert CONTRAST not in set(found["design"])
    assert set(table(contrasts=["a - b"])["role"]) == {PRIMARY}


def test_a_positive_control_is_not_among_the_adjusted_contrasts():
    arms = {**ARMS, "oracle": {"classic": 16, "oracle": 1}}
    contrasts = ["a - b", "oracle - b", "a - c"]
    assert secondary(study(arms=arms, contrasts=contrasts)) == ["a - c"]


def test_one_more_replicate_takes_longer():
    hours = table().groupby("design")["hours"].first()
    assert hours[REPLICATE] == pytest.approx(hours[AS_PLANNED] * 7 / 6)
    assert hours[PATIENTS] >= hours[AS_PLANNED]


def test_a_design_that_gets_no_verdict_is_planned_with_the_fewest_replicates_that_do():
    wanted = Study.from_config(study_files.config(replicates=2))
    assert len(judged(wanted).replicates) == 6
    assert "2 give no verdict" in next(remarks(wanted, outcome(wanted)))


def test_a_study_without_contrasts_cannot_be_planned():
    with pytest.raises(UserError, match="no contrasts"):
        study(contrasts=[])


def test_an_endpoint_that_the_folds_cannot_give_is_told_before_the_run():
    small = {"table": "phantom", "phantom": {"classes": {"cyst": 9, "hemangioma": 9}}}
    with pytest.raises(UserError, match="auc cannot be estimated: 100 % of the folds"):
        outcome(study(cohort=small, primary_endpoint="auc"))


def test_without_patient_ids_each_lesion_counts_as_a_patient():
    with_ids = study(**COHORT)
    lesions = [replace(lesion, patient_id="") for lesion in with_ids.lesions]
    cohort = Cohort(with_ids.cohort.table, tuple(lesions))
    planned = Study(with_ids.settings, cohort, with_ids.classes)
    known = outcome(planned)
    assert known.relevant.sum() == len(lesions)
    assert any("no patient ids" in line for line in remarks(planned, known))


PLANNING = """
import sys
from pathlib import Path
from augtrial.jobs.plan import plan_study

assert "Power" in plan_study(Path(sys.argv[1]))
print(*(name for name in ("torch", "numba", "cv2", "matplotlib") if name in sys.modules))
"""


def test_power_is_planned_without_pytorch():
    command = [sys.executable, "-c", PLANNING, str(ROOT / "config/quick.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
