import json
from pathlib import Path

import pytest

import made_up
from augtrial.core.errors import UserError
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.finished_study import differences, finished_study

COMMAND = "snakemake --cores 2 --configfile config/made-up.yaml"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of a study of which only the record and the lesions are there."""
    monkeypatch.chdir(tmp_path)
    root = Path("results/made-up")
    root.mkdir(parents=True)
    (root / "study.json").write_text(json.dumps(made_up.record(given_folds=True)))
    lesions = "".join(f"l{n},,cyst,l{n}.png\n" for n in range(4))
    (root / "rois.csv").write_text(f"lesion_id,patient_id,label,image\n{lesions}")
    folds = "".join(f"l{n},,{replicate},{n % 2 + 4}\n" for replicate in (1, 2) for n in range(4))
    (root / "folds.csv").write_text(f"lesion_id,patient_id,replicate,fold\n{folds}")
    return root


def fill(study):
    for path in map(Path, study):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def missing_files(current):
    with pytest.raises(UserError) as error:
        finished_study(current, COMMAND)
    return error.value


def test_missing_results_are_named_with_the_command_that_makes_them(root):
    error = missing_files(made_up.settings())
    assert "results/made-up/predictions.csv" in error.problems
    assert error.problems[-1] == f"make them with: {COMMAND}"
    assert error.problems[-2].startswith("and ")
    (root / "study.json").unlink()
    assert "results/made-up/study.json" in missing_files(made_up.settings()).problems


def test_a_study_is_read_back_as_it_was_run(root):
    changed = made_up.settings(
        arms={"none": {}, "new": {"classic": 7}}, contrasts=[], figures={"examples": 3}, note="Now."
    )
    while True:  # each round of missing files is put there, until none is missing
        missing = [problem for problem in _missing(changed) if problem.startswith("results/")]
        if not missing:
            break
        fill(missing)
    study = finished_study(changed, COMMAND)
    assert list(study.settings.arms) == list(made_up.ARMS)
    assert study.folds == [4, 5]
    assert study.settings.figures.examples == 3
    assert study.settings.note == "Now."
    assert all(Path(path).exists() for path in FigureSpecs(study).drawn_from())


def _missing(current):
    try:
        finished_study(current, COMMAND)
    except UserError as error:
        return error.problems
    return []


def test_differences_name_the_keys_and_both_values():
    run = made_up.settings()
    assert differences(run, made_up.settings(note="x", figures={"palette": "deep"})) == []
    changed = made_up.settings(
        arms={"none": {}, "new": {"classic": 7}}, contrasts=[], classifier={"hidden_units": 32}
    )
    lines = differences(run, changed)
    assert "classifier.hidden_units: 256 in the finished study, 32 in the config" in lines
    assert "arms.classic: only in the finished study" in lines
    assert "arms.new: only in the config" in lines
