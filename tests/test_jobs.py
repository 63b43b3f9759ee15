import sys
from types import SimpleNamespace

import pytest

from augtrial.errors import UserError
from augtrial.files import written_whole
from augtrial.jobs import job


def test_what_a_script_prints_is_in_its_log_as_well(tmp_path, capsys):
    with job(SimpleNamespace(log=[tmp_path / "logs" / "a.log"])):
        print("trained")
    assert (tmp_path / "logs" / "a.log").read_text(encoding="utf-8") == "trained\n"
    assert capsys.readouterr().out == "trained\n"


def test_a_users_mistake_ends_a_script_with_its_message_alone(tmp_path, capsys):
    with pytest.raises(SystemExit), job(SimpleNamespace(log=[tmp_path / "a.log"])):
        raise UserError(["row 3: wrong", "row 5: wrong"], "lesions.csv:")
    assert capsys.readouterr().err == "lesions.csv:\n  - row 3: wrong\n  - row 5: wrong\n"


def test_a_fault_of_ours_ends_a_script_with_its_traceback_in_the_log(tmp_path):
    with pytest.raises(SystemExit), job(SimpleNamespace(log=[tmp_path / "a.log"])):
        raise KeyError("x")
    assert "Traceback" in (tmp_path / "a.log").read_text(encoding="utf-8")
    assert not hasattr(sys.stdout, "streams")


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "result.csv"

    def fail() -> None:
        with written_whole(path) as draft:
            draft.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(path.parent.iterdir())
    with written_whole(path) as draft:
        draft.write_text("whole", encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["result.csv"]
