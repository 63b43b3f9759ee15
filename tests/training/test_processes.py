"""Networks that train in several processes of a CPU: the same bytes, errors told, nobody left."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from augtrial.core.errors import UserError
from augtrial.training.checkpoints import CheckpointFolder, save_state
from augtrial.training.engine import train_all
from small_networks import ACGAN, CPU, DCGAN, SMALL_CLASSIFIER, classifier_training, gan_training

pytestmark = pytest.mark.slow  # processes wait for each other


class Pool:
    """The trainings of a job with checkpoints, and which process made which of them."""

    def __init__(self, folder, make):
        self.folder, self.make = folder, make
        folder.mkdir(parents=True)

    def train(self, names, *, workers):
        with CheckpointFolder(self.folder / "checkpoints", "job", "key") as kept:
            makers = [partial(self._made, kept, name) for name in names]
            return list(train_all(makers, CPU, workers=workers))

    def _made(self, kept, name):
        with (self.folder / f"{name}.makers").open("a") as file:
            file.write(f"{os.getpid()}\n")
        return self.make(name, kept.checkpoint(name, {}))

    def makers(self, name) -> list[int]:
        """Return the processes that made a training, the first one first."""
        return list(map(int, (self.folder / f"{name}.makers").read_text().split()))


def assert_same_bytes(one, other, folder):
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        files = [folder / f"{side}{number}.pt" for side in "ab"]
        for path, training in zip(files, (a, b), strict=True):
            save_state(path, state(training))
        assert files[0].read_bytes() == files[1].read_bytes()
        assert a.history == b.history


def state(training):
    if hasattr(training, "gan"):
        return training.state_dict()
    networks = training.networks("a").items()
    return {f"{name}/{key}": value for name, found in networks for key, value in found.items()}


def make_classifier(images, labels, name, checkpoint):
    return classifier_training(
        images, labels, SMALL_CLASSIFIER, seed=int(name), eval_updates=[7], checkpoint=checkpoint
    )


def make_gan(images, labels, settings, name, checkpoint):
    return gan_training(images, labels, settings, seed=int(name), checkpoint=checkpoint)


@pytest.mark.parametrize("kind", ["classifier", "dcgan", "acgan"])
def test_two_processes_train_the_bytes_of_one(kind, striped_classes, tmp_path):
    make = {
        "classifier": partial(make_classifier, *striped_classes),
        "dcgan": partial(make_gan, *striped_classes, DCGAN),
        "acgan": partial(make_gan, *striped_classes, ACGAN),
    }[kind]
    serial, parallel = (Pool(tmp_path / name, make) for name in ("serial", "parallel"))
    alone = serial.train("123", workers=1)
    together = parallel.train("123", workers=2)
    assert_same_bytes(alone, together, tmp_path)
    first = {parallel.makers(name)[0] for name in "123"}
    assert os.getpid() not in first  # it only takes what the others have trained
    assert len(first) == 2
    assert all(parallel.makers(name)[1:] == [os.getpid()] for name in "123")
    assert all(serial.makers(name) == [os.getpid()] for name in "123")


def test_what_is_trained_already_is_not_trained_again(striped_classes, tmp_path, monkeypatch):
    pool = Pool(tmp_path / "pool", partial(make_classifier, *striped_classes))
    first = pool.train("12", workers=2)
    monkeypatch.setattr(
        "augtrial.training.batches.BatchOrder.indices", None
    )  # an update would fail
    assert_same_bytes(first, pool.train("12", workers=2), tmp_path)


def test_what_a_process_cannot_do_is_told_by_the_caller(striped_classes, tmp_path, capfd):
    def make(name, checkpoint):
        if name == "2":
            raise UserError("row 3: wrong")
        return make_classifier(*striped_classes, name, checkpoint)

    pool = Pool(tmp_path / "pool", make)
    with pytest.raises(UserError, match="row 3: wrong"):
        pool.train("123", workers=2)
    assert len(pool.makers("2")) == 2  # a process, then the caller
    assert "Traceback" not in capfd.readouterr().err


def test_what_a_killed_process_leaves_is_trained_by_the_caller(striped_classes, tmp_path):
    caller = os.getpid()

    def make(name, checkpoint):
        if name == "2" and os.getpid() != caller:  # as the system does where memory is short
            os.kill(os.getpid(), signal.SIGKILL)
        return make_classifier(*striped_classes, name, checkpoint)

    alone = Pool(tmp_path / "alone", partial(make_classifier, *striped_classes))
    pool = Pool(tmp_path / "pool", make)
    assert_same_bytes(alone.train("123", workers=1), pool.train("123", workers=2), tmp_path)


LONG = """
import os, sys, torch
from augtrial.training.device import Device
from augtrial.training.engine import Training, train_all


class Long(Training):
    updates = 10**9
    log_steps = ()

    def sample_inputs(self, update):
        return ()

    def step(self):
        if self.update == 1:
            print(os.getpid(), flush=True)

    def on_log(self):
        pass


list(train_all([Long, Long, Long], Device(torch.device("cpu"), False), workers=2))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(how):
    # Whoever runs the tests in the background has them ignore Ctrl-C.
    command = ["env", "--default-signal=INT", sys.executable, "-c", LONG]
    job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    workers = [int(job.stdout.readline()) for _ in range(2)]
    assert job.pid not in workers
    # A process of a busy machine may still be in the middle of its fork, where Python loses Ctrl-C.
    wait_until(lambda: state_of(job.pid) == "S")
    job.send_signal(how)
    job.wait(timeout=PATIENCE)
    wait_until(lambda: all(state_of(worker) in ENDED for worker in workers))


PATIENCE = 120  # seconds; a busy machine takes some
ENDED = (None, "Z")


def wait_until(true) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(pid: int) -> str | None:
    """Return a process's state as Linux writes it (S: it sleeps, Z: nobody asked for its end)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None
