import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from augtrial.training.checkpoints import Checkpoint, CheckpointFolder, load_state, save_state


class Killed(Exception):
    pass


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


def test_a_job_that_ended_well_leaves_its_networks_and_nothing_of_another_key(tmp_path):
    for key in ("key", "another"):
        with CheckpointFolder(tmp_path, "job.1", key) as checkpoints:
            assert checkpoints.checkpoint("a", {}).load() is None
            checkpoints.checkpoint("a", {}).save({"key": key})
    assert {path.name for path in tmp_path.iterdir()} == {"job.1", "job.1.lock"}
    assert len(list(tmp_path.rglob("state.pt"))) == 1
    with CheckpointFolder(tmp_path, "job.1", "another") as checkpoints:
        assert checkpoints.checkpoint("a", {}).load() == {"key": "another"}


def test_the_checkpoints_of_a_job_that_failed_stay(tmp_path):
    def fail():
        with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
            checkpoints.checkpoint("a", {}).save({"step": 1})
            raise Killed

    with pytest.raises(Killed):
        fail()
    with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
        assert checkpoints.checkpoint("a", {}).load() == {"step": 1}


def test_a_job_of_several_networks_keeps_one_checkpoint_a_name(tmp_path):
    def run(**recipes):
        with CheckpointFolder(tmp_path, "job.1", "key") as checkpoints:
            kept = {name: checkpoints.checkpoint(name, recipe) for name, recipe in recipes.items()}
            loaded = {name: checkpoint.load() for name, checkpoint in kept.items()}
            for name, checkpoint in kept.items():
                checkpoint.save({"recipe": recipes[name]})
        return loaded

    assert run(a=1, b=1) == {"a": None, "b": None}
    assert run(a=2) == {"a": None}
    assert run(a=1, b=1) == {"a": None, "b": {"recipe": 1}}  # b was left out and comes back
    assert run(a=1, b=2) == {"a": {"recipe": 1}, "b": None}
    assert len(list(tmp_path.glob("job.1/*/*/state.pt"))) == 2


def test_a_second_job_of_the_same_place_says_who_trains_there_and_waits(tmp_path):
    code = f"""
from augtrial.training.checkpoints import CheckpointFolder
with CheckpointFolder({str(tmp_path)!r}, "job.1", "key"):
    print("in", flush=True)
"""
    with CheckpointFolder(tmp_path, "job.1", "key"):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        message = second.stderr.readline()
        assert f"job.1 is being trained by process {os.getpid()} on " in message
        assert "snakemake --unlock" in message
        assert second.poll() is None
    assert second.communicate(timeout=60)[0] == "in\n"


def test_a_save_that_fails_leaves_the_checkpoint_before_it(tmp_path):
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.save({"step": 1})
    with pytest.raises(Exception, match=r"pickle|local"):
        checkpoint.save({"step": lambda: None})
    assert checkpoint.load() == {"step": 1}
