import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augtrial import training
from augtrial.errors import UserError
from augtrial.training import BatchOrder, Checkpoint, CheckpointFolder, load_state, save_state


class Killed(Exception):
    pass


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3))
def test_epochs_show_every_image_once_with_a_small_last_batch(size, batch, seed):
    per_epoch = -(-size // batch)
    for epoch in range(2):
        updates = range(epoch * per_epoch, (epoch + 1) * per_epoch)
        shown = [BatchOrder(size, batch, seed=seed, whole=False).of(u) for u in updates]
        assert sorted(np.concatenate(shown)) == list(range(size))
        assert all(len(order) == batch for order in shown[:-1])


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3))
def test_full_batches_are_drawn_on_across_the_ends_of_epochs(size, batch, seed):
    order = BatchOrder(size, batch, seed=seed, whole=True)
    drawn = [order.of(update) for update in range(3 * size)]
    assert {len(order) for order in drawn} == {batch}
    together = np.concatenate(drawn)
    for epoch in range(3):
        assert sorted(together[epoch * size : (epoch + 1) * size]) == list(range(size))
    again = BatchOrder(size, batch, seed=seed, whole=True)  # goes on anywhere, and back
    for update in (3 * size - 1, 0, size):
        assert np.array_equal(again.of(update), drawn[update])


def test_equal_tensors_give_equal_bytes_under_any_name(tmp_path):
    state = {"w": torch.arange(6.0).view(2, 3)}
    save_state(tmp_path / "one.pt", state)
    save_state(tmp_path / "folder" / "another name.pt", {"w": state["w"].clone()})
    one, other = tmp_path / "one.pt", tmp_path / "folder" / "another name.pt"
    assert one.read_bytes() == other.read_bytes()
    assert torch.equal(load_state(one)["w"], state["w"])


def test_a_checkpoint_of_other_settings_or_images_is_not_gone_on_from(tmp_path):
    images = np.arange(8, dtype=np.uint8)
    Checkpoint(tmp_path, {"epochs": 3}, images).save({"step": 5})
    assert Checkpoint(tmp_path, {"epochs": 3}, images).load() == {"step": 5}
    assert Checkpoint(tmp_path, {"epochs": 4}, images).load() is None
    assert Checkpoint(tmp_path, {"epochs": 3}, images[::-1]).load() is None


def test_a_checkpoint_that_cannot_be_read_counts_as_none(tmp_path, capsys):
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.save({"step": 1, "weights": torch.zeros(1000)})
    whole = checkpoint.path.read_bytes()
    for part in (whole[: len(whole) // 2], b"", b"no checkpoint"):
        checkpoint.path.write_bytes(part)
        assert checkpoint.load() is None
        assert "begins anew" in capsys.readouterr().err


def test_the_checkpoints_of_a_job_that_ended_well_are_gone(tmp_path):
    with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
        checkpoints.of("a").save({"step": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["job.1.lock"]


def test_the_checkpoints_of_a_job_that_failed_stay(tmp_path):
    def fail():
        with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
            checkpoints.of("a").save({"step": 1})
            raise Killed

    with pytest.raises(Killed):
        fail()
    with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
        assert checkpoints.of("a").load() == {"step": 1}


def test_a_job_of_several_networks_keeps_what_it_trained_and_forgets_the_rest(tmp_path):
    for names in (["a", "b"], ["b", "c"]):
        with CheckpointFolder(tmp_path, "job.1", "key", keep=True) as checkpoints:
            for name in names:
                checkpoint = checkpoints.of(name)
                assert (checkpoint.load() is not None) == (name == "b" and names[0] == "b")
                checkpoint.save({"name": name})
    with CheckpointFolder(tmp_path, "job.1", "key", keep=True) as checkpoints:
        assert checkpoints.of("a").load() is None
        assert checkpoints.of("c").load() == {"name": "c"}


def test_a_second_job_of_the_same_place_says_who_trains_there_and_waits(tmp_path):
    code = f"""
from augtrial.training import CheckpointFolder
with CheckpointFolder({str(tmp_path)!r}, "job.1", "key"):
    print("in", flush=True)
"""
    with CheckpointFolder(tmp_path, "job.1", "key"):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        told = second.stderr.readline()
        assert f"job.1 is being trained by process {os.getpid()} on " in told
        assert "snakemake --unlock" in told
        assert second.poll() is None
    assert second.communicate(timeout=60)[0] == "in\n"


def test_a_save_that_fails_leaves_the_checkpoint_before_it(tmp_path):
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.save({"step": 1})
    with pytest.raises(Exception, match=r"pickle|local"):
        checkpoint.save({"step": lambda: None})
    assert checkpoint.load() == {"step": 1}


def test_without_a_gpu_a_training_runs_on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with training.training_device("auto", "float32") as device:
        assert device.torch.type == "cpu"
        assert device.name == "CPU, float32"


def test_who_asks_for_a_gpu_is_not_given_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU here"), training.training_device("cuda"):
        pass


def test_jobs_take_a_gpu_each_and_share_evenly_what_was_counted_beyond(monkeypatch, tmp_path):
    monkeypatch.setattr(training.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    taken = [training._free_gpu(2) for _ in range(5)]
    assert [index for index, _ in taken] == [0, 1, 0, 1, 0]
    taken[1][1].release()
    assert training._free_gpu(2)[0] == 1
    locks = {path.name for path in tmp_path.rglob("*.lock")}
    assert locks == {"4.1.lock", "4.2.lock", "4.3.lock", "6.1.lock", "6.2.lock"}


def test_the_place_of_a_killed_job_on_a_gpu_is_free_again(monkeypatch, tmp_path):
    monkeypatch.setattr(training.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    code = f"""
import tempfile, time
tempfile.gettempdir = lambda: {str(tmp_path)!r}
from augtrial.training import _free_gpu
index, lock = _free_gpu(1)
print(index, flush=True)
time.sleep(600)
"""
    job = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "0\n"
    _, shared = training._free_gpu(1)
    assert shared.lock_file.endswith("0.2.lock")
    job.kill()
    job.wait()
    _, alone = training._free_gpu(1)
    assert alone.lock_file.endswith("0.1.lock")
