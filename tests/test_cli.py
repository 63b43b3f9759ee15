import re
import runpy

import pytest
import yaml

import made_up
from augtrial.cli import main
from augtrial.core.io import read_table
from workflow_runs import make_cohort


def test_a_fit_table_is_said_to_be_fit(tmp_path, capsys):
    assert main(["check", str(make_cohort(tmp_path))]) == 0
    assert "fit for a study" in capsys.readouterr().out


def test_a_table_with_problems_ends_with_1_and_all_of_them(tmp_path, capsys):
    table = make_cohort(tmp_path)
    (tmp_path / "images" / "L01.npy").write_bytes(b"")
    (tmp_path / "images" / "L02.npy").write_bytes(b"x")
    assert main(["check", str(table)]) == 1
    problems = capsys.readouterr().err
    assert "L01.npy" in problems
    assert "L02.npy" in problems


def config_of(folder, table, **changes):
    """Write a small study of a table of lesions; return its file."""
    arms = {"none": {}, "classic": {"classic": 12}}
    study = {"study": "s", "cohort": {"table": str(table)}, "arms": arms, "folds": {"number": 3}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**study, "contrasts": ["classic - none"], **changes}))
    return path


def test_a_study_of_a_table_is_planned_before_any_training(tmp_path, capsys):
    config = config_of(tmp_path, make_cohort(tmp_path))
    assert main(["plan", str(config), "--cores", "2", "--out", str(tmp_path / "plan")]) == 0
    text = capsys.readouterr().out
    assert "Study s: 18 lesions of 18 patients" in text
    assert "on 2 cores" in text
    assert "warning: a gain of the margin (3 points) is found in" in text
    assert {file.name for file in (tmp_path / "plan").iterdir()} == {
        f"plan.{kind}" for kind in ("csv", "svg", "pdf")
    }


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"contrasts": []}, [], "names no contrasts"),
        ({"margin": 3}, [], "margin"),
        ({}, ["--components", "patients=1"], "both is missing"),
        ({}, ["--pilot", "nowhere"], "nowhere/tables/contrasts.csv is not there"),
    ],
)
def test_what_cannot_be_planned_is_told_without_a_traceback(
    tmp_path, capsys, changes, options, words
):
    config = config_of(tmp_path, make_cohort(tmp_path), **changes)
    assert main(["plan", str(config), *options]) == 1
    message = capsys.readouterr().err
    assert words in message
    assert "Traceback" not in message


def test_a_missing_table_is_told_without_a_traceback(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere.csv")]) == 1
    message = capsys.readouterr().err
    assert "nowhere.csv" in message
    assert "Traceback" not in message


def test_a_folder_without_a_study_is_told_without_a_traceback(tmp_path, capsys):
    assert main(["summary", str(tmp_path)]) == 1
    assert "no finished study" in capsys.readouterr().err


def test_the_reference_of_settings_is_printed(capsys):
    assert main(["settings"]) == 0
    assert "| `replicates` |" in capsys.readouterr().out


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "check" in capsys.readouterr().out


def test_predictions_from_elsewhere_get_their_verdict(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions(replicates=6).to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "classic+dcgan - classic"]
    command += ["--contrast", "classic non-inferior to none", "--control", "classic - none"]
    command += ["--primary", "classic non-inferior to none"]
    assert main([*command, "--tables", str(tmp_path / "tables")]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"^classic\+dcgan − classic \(\w+\): .*, given the split\. Macro sensitivity: ", said, re.M
    )
    verdicts = read_table(tmp_path / "tables/verdicts.csv").set_index("contrast")
    assert verdicts.loc["classic non-inferior to none", "role"] == "primary"
    assert verdicts.loc["classic - none", "role"] == "positive control"
    names = {file.name for file in (tmp_path / "tables").iterdir()}
    assert {"verdicts.csv", "contrasts.csv", "endpoints.csv", "secondary.csv"} <= names


def test_a_primary_contrast_that_is_none_of_them_is_told(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "classic - none"]
    assert main([*command, "--primary", "none - classic"]) == 1
    assert "--primary 'none - classic' is none of the contrasts" in capsys.readouterr().err


def test_a_primary_contrast_is_no_positive_control_too(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "classic - none"]
    command += ["--contrast", "classic+dcgan - classic", "--control", "classic - none"]
    assert main(command) == 1
    assert "'classic - none' is the primary contrast and a positive" in capsys.readouterr().err
    assert main([*command, "--primary", "classic+dcgan - classic"]) == 0


def test_a_wrong_primary_is_told_with_everything_else_that_is_wrong(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "clasic - none", "--primary", "classic - none"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "did you mean 'clasic - none'" in said
    assert "no arm 'clasic'" in said


@pytest.mark.parametrize(
    "words",
    [
        *(["compare", "x.csv", "--contrast", "a - b", "--margin", text] for text in ("3%", "0,03")),
        *(["compare", "x", "--contrast", "a - b", "--confidence", text] for text in ("0.05", "95")),
        *(["plan", "x.yaml", "--cores", text] for text in ("0", "-1", "two")),
        ["claim", "--cases", "9", "--right", "5", "4", "--discordance", "11%"],
    ],
)
def test_a_number_of_an_option_that_cannot_be_meant_is_told_with_what_can(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr().err
    assert "give a " in said
    assert f"(got {words[-1]!r})" in said


def test_the_commands_run_as_a_module_too(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["augtrial", "claim", "--cases", "9", "--right", "5", "4"])
    with pytest.raises(SystemExit) as ended, pytest.warns(RuntimeWarning, match="sys.modules"):
        runpy.run_module("augtrial.cli", run_name="__main__")
    assert ended.value.code == 0
    assert "claimed: 5 of 9 cases" in capsys.readouterr().out


def test_a_probability_that_is_missing_is_told_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    table = made_up.predictions()
    table["p_cyst"] = table["p_cyst"].astype(object)
    table.loc[3, "p_cyst"] = ""
    table.to_csv(path, index=False)
    assert main(["compare", str(path), "--contrast", "classic - none"]) == 1
    message = capsys.readouterr().err
    assert f"lesion l3, fold 1, replicate 1, arm none ({path} row 5): p_cyst is ''" in message


def test_all_problems_of_predictions_are_told_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    table = made_up.predictions()
    table.loc[5, ["patient_id", "predicted"]] = "p11", "cyst"
    table.to_csv(path, index=False)
    contrasts = ["classic - none", "none - classic", "none - none"]
    command = ["compare", str(path)]
    assert main([*command, *(word for name in contrasts for word in ("--contrast", name))]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "these predictions cannot be compared"
    assert all(line.startswith("  - ") for line in lines[1:])
    for words in (
        *("contrast 'none - classic' repeats 'classic - none'", "contrast 'none - none' compares"),
        f"arm none ({path} row 7): predicted is 'cyst'",
        "patient 'p11' is in several folds of replicate 1, arm 'none'",
    ):
        assert sum(words in line for line in lines) == 1


def test_a_control_may_stand_among_the_contrasts_too(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "classic - none", "--control", "classic - none"]
    assert main(command) == 0
    assert capsys.readouterr().out.count("classic − none") == 1


def test_a_place_that_cannot_be_written_is_told_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    command = ["compare", str(path), "--contrast", "classic - none", "--tables"]
    assert main([*command, str(path / "tables")]) == 1
    assert str(path) in capsys.readouterr().err


def test_a_study_is_locked_and_the_line_for_its_config_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("study: mine\narms: {none: {}}\n")
    assert main(["lock", "mine.yaml"]) == 0
    assert "add to mine.yaml:  lock: mine.lock.json" in capsys.readouterr().out
    assert (tmp_path / "mine.protocol.md").exists()
    assert main(["lock", "mine.yaml"]) == 1
    assert "mine.lock.json exists already" in capsys.readouterr().err


def test_a_contrast_with_an_unknown_arm_is_told_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "predictions.csv"
    made_up.predictions().to_csv(path, index=False)
    assert main(["compare", str(path), "--contrast", "clasic - none"]) == 1
    assert "did you mean 'classic'" in capsys.readouterr().err


def test_a_papers_claim_is_told_with_the_probability_that_it_is_false(capsys):
    assert main(["claim", "--cases", "182", "--right", "156", "143", "--patients", "91"]) == 0
    assert "the claimed order is false: below 0.1 % to 5.4 %" in capsys.readouterr().out


def test_a_claim_of_confusion_matrices_reads_both_files(tmp_path, capsys):
    paths = [tmp_path / "new.csv", tmp_path / "old.csv"]
    for path, right in zip(paths, (9, 6), strict=True):
        path.write_text(f"{right},{10 - right}\n2,8\n")
    assert main(["claim", "--confusion", *map(str, paths)]) == 0
    assert "17 of 20 cases right (85.0 %) against 14" in capsys.readouterr().out


@pytest.mark.parametrize("rest", [["--right", "9", "6"], ["--confusion", "a", "b", "--cases", "9"]])
def test_half_a_claim_is_told_without_a_traceback(rest, capsys):
    assert main(["claim", *rest]) == 1
    assert "--cases and --right together" in capsys.readouterr().err
