import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from augtrial.errors import UserError
from augtrial.files import written_whole
from augtrial.jobs import job
from augtrial.sizes import damaged_files, record_sizes


def script(folder, *outputs, inputs=(), name="a"):
    return SimpleNamespace(log=[folder / f"{name}.log"], output=list(outputs), input=list(inputs))


def test_what_a_script_prints_is_in_its_log_as_well(tmp_path, capsys):
    with job(script(tmp_path / "logs")):
        print("trained")
    assert (tmp_path / "logs" / "a.log").read_text(encoding="utf-8") == "trained\n"
    assert capsys.readouterr().out == "trained\n"


def test_a_job_of_several_threads_gives_numpy_one():
    text = "import os, sys, augtrial.jobs; print('numpy' in sys.modules, os.environ['{}'])"
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        command = [sys.executable, "-c", text.format(name)]
        env = {**os.environ, name: "8"}  # as Snakemake sets it for a job of eight threads
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["False", "1"]


def test_a_users_mistake_ends_a_script_with_its_message_alone(tmp_path, capsys):
    with pytest.raises(SystemExit), job(script(tmp_path)):
        raise UserError(["row 3: wrong", "row 5: wrong"], "lesions.csv:")
    assert capsys.readouterr().err == "lesions.csv:\n  - row 3: wrong\n  - row 5: wrong\n"


def test_a_fault_of_ours_ends_a_script_with_its_traceback_in_the_log(tmp_path):
    with pytest.raises(SystemExit), job(script(tmp_path)):
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


def test_a_full_disk_ends_a_script_with_what_to_do(tmp_path, capsys):
    with pytest.raises(SystemExit), job(script(tmp_path)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    told = capsys.readouterr().err
    assert told.startswith("a: No space left on device. Make room")
    assert "Traceback" not in told


def test_a_result_that_was_cut_short_after_its_job_is_found(tmp_path):
    whole, cut, gone = (tmp_path / name for name in ("whole.csv", "cut.pt", "gone.npy"))
    with job(script(tmp_path / "logs", whole, cut, gone)):
        for path in (whole, cut, gone):
            path.write_bytes(b"0123456789")
    assert damaged_files(tmp_path / "logs") == []
    cut.write_bytes(b"01234")
    gone.unlink()
    (damage,) = damaged_files(tmp_path / "logs")
    assert (damage.path, damage.now, damage.then) == (cut, 5, 10)
    assert set(damage.gone) == {whole, cut, gone}


def test_with_a_cut_result_goes_what_was_made_from_it_the_last_first(tmp_path):
    files = {name: tmp_path / name for name in ("rois", "other", "network", "table", "report")}
    made = [  # a job's output and its inputs
        ("rois", []),
        ("other", []),
        ("network", ["rois", "other"]),
        ("table", ["network"]),
        ("report", ["table", "other"]),
    ]
    for name, inputs in made:
        told = {"inputs": [files[one] for one in inputs], "name": name}
        with job(script(tmp_path / "logs", files[name], **told)):
            files[name].write_bytes(b"0123456789")
    files["rois"].write_bytes(b"0")
    (damage,) = damaged_files(tmp_path / "logs")
    assert damage.gone == tuple(files[one] for one in ("report", "table", "network", "rois"))


def test_of_two_jobs_that_wrote_one_file_the_later_counts(tmp_path):
    path = tmp_path / "none.pt"
    for name, content in (("b", b"01234"), ("a", b"0123456789")):
        path.write_bytes(content)
        record_sizes(tmp_path / "logs" / f"{name}.log", [path])
    assert damaged_files(tmp_path / "logs") == []
