import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from augtrial.core.errors import UserError
from augtrial.pipeline.output_sizes import SUFFIX, record_sizes
from augtrial.pipeline.script_context import job


def script(folder, *outputs, inputs=(), name="a"):
    return SimpleNamespace(log=[folder / f"{name}.log"], output=list(outputs), input=list(inputs))


def test_what_a_script_prints_is_in_its_log_as_well(tmp_path, capsys):
    with job(script(tmp_path / "logs")):
        print("trained")
    assert (tmp_path / "logs" / "a.log").read_text(encoding="utf-8") == "trained\n"
    assert capsys.readouterr().out == "trained\n"


def test_a_job_of_several_threads_gives_numpy_one():
    text = (
        "import os, sys, augtrial.pipeline.script_context; "
        "print('numpy' in sys.modules, os.environ['{}'])"
    )
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


def test_a_full_disk_ends_a_script_with_what_to_do(tmp_path, capsys):
    with pytest.raises(SystemExit), job(script(tmp_path)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    told = capsys.readouterr().err
    assert told.startswith("a: No space left on device. Make room")
    assert "Traceback" not in told


def test_a_job_that_begins_anew_has_no_sizes_until_it_ends(tmp_path):
    path = tmp_path / "result.csv"
    path.write_bytes(b"0123456789")
    record_sizes(tmp_path / "a.log", [path])
    with job(script(tmp_path, path)):
        assert not (tmp_path / f"a{SUFFIX}").exists()
    assert (tmp_path / f"a{SUFFIX}").exists()
