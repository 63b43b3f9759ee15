import pytest

from augtrial.cli import main
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
