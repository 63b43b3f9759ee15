import subprocess
import sys

import pytest
import torch

from augtrial.core.errors import UserError
from augtrial.training import device as module


def test_without_a_gpu_a_training_runs_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with module.training_device("auto", "float32") as device:
        assert device.torch.type == "cpu"
        assert device.name == "CPU, float32"


def test_who_asks_for_a_gpu_is_not_given_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU here"), module.training_device("cuda"):
        pass


def test_jobs_take_a_gpu_each_and_share_evenly_what_was_counted_beyond(monkeypatch, tmp_path):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    taken = [module._free_gpu(2) for _ in range(5)]
    assert [index for index, _ in taken] == [0, 1, 0, 1, 0]
    taken[1][1].release()
    assert module._free_gpu(2)[0] == 1
    locks = {path.name for path in tmp_path.rglob("*.lock")}
    assert locks == {"4.1.lock", "4.2.lock", "4.3.lock", "6.1.lock", "6.2.lock"}


def test_the_place_of_a_killed_job_on_a_gpu_is_free_again(monkeypatch, tmp_path):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    code = f"""
import tempfile, time
tempfile.gettempdir = lambda: {str(tmp_path)!r}
from augtrial.training.device import _free_gpu
index, lock = _free_gpu(1)
print(index, flush=True)
time.sleep(600)
"""
    job = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "0\n"
    _, shared = module._free_gpu(1)
    assert shared.lock_file.endswith("0.2.lock")
    job.kill()
    job.wait()
    _, alone = module._free_gpu(1)
    assert alone.lock_file.endswith("0.1.lock")
