"""Checkpoints to go on from after a kill, and the files of networks."""

import hashlib
import io
import json
import os
import pickle
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from augtrial.core.io import atomic_write

# Seconds between two checkpoints: what a killed training loses at most.
INTERVAL = float(os.environ.get("AUGTRIAL_CHECKPOINT_SECONDS", "60"))


class Checkpoint:
    """A place to go on from after a kill, in a folder that Snakemake does not know.

    The folder is named by a hash of everything that decides the result.
    """

    def __init__(self, folder: str | Path, key: Any, *arrays: np.ndarray, every: float = INTERVAL):
        """Name the checkpoint by all that decides the result: `key` (what JSON can hold), arrays.

        `every` is in seconds.
        """
        digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        self.path = Path(folder) / digest.hexdigest()[:24] / "state.pt"
        self.every, self.saved = every, time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the state last saved, or None; a file that cannot be read counts as none."""
        if not self.path.exists():
            return None
        try:
            return torch.load(self.path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            print(f"{self.path} cannot be read ({error}): training begins anew", file=sys.stderr)
            return None

    def is_due(self) -> bool:
        """Return whether it is time to save again."""
        return time.monotonic() - self.saved >= self.every

    def save(self, state: dict[str, Any]) -> None:
        """Save a state, whole."""
        with atomic_write(self.path) as draft:
            torch.save(state, draft)
        self.saved = time.monotonic()


class CheckpointFolder:
    """The checkpoints of one job, one for each network that it trains; a second job waits."""

    def __init__(self, folder: str | Path, job: str, key: Any) -> None:
        """Name the job (a file name), and by `key` what decides its results: settings, code."""
        self.folder, self.key = Path(folder) / job, key
        self.used: list[Checkpoint] = []
        self.lock = FileLock(self.folder.with_name(f"{job}.lock"))
        self.holder = self.folder.with_name(f"{job}.holder")

    def __enter__(self) -> "CheckpointFolder":
        """Take the folder, once no other job holds it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            holder = self.holder.read_text(encoding="utf-8") if self.holder.exists() else "another"
            waits = (
                f"{self.folder.name} is being trained by {holder}: this job waits until that one "
                "ends. A Snakemake that was killed leaves its jobs running; end that process, or "
                "let it finish, before `snakemake --unlock` and another run."
            )
            print(waits, file=sys.stderr, flush=True)
            self.lock.acquire()
        since = time.strftime("%Y-%m-%d %H:%M")
        self.holder.write_text(f"process {os.getpid()} on {platform.node()} since {since}")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the job's folder back; one that ended well leaves one checkpoint a network."""
        if kind is None:
            for kept in (checkpoint.path.parent for checkpoint in self.used):
                for folder in kept.parent.glob("*"):  # of the same name, from another recipe
                    if folder != kept:
                        shutil.rmtree(folder, ignore_errors=True)
        self.holder.unlink(missing_ok=True)
        self.lock.release()

    def checkpoint(self, name: str, recipe: Any, *arrays: np.ndarray) -> Checkpoint:
        """Return the checkpoint of one network: its name in this job, its recipe, its images."""
        folder = self.folder / hashlib.sha256(name.encode()).hexdigest()[:12]
        self.used.append(Checkpoint(folder, [self.key, name, recipe], *arrays))
        return self.used[-1]


def save_state(path: str | Path, state: dict[str, torch.Tensor]) -> None:
    """Write a state dict from the CPU; equal tensors give equal bytes."""
    buffer = io.BytesIO()  # given a path, torch would write its name into the file
    torch.save({key: value.detach().cpu().contiguous() for key, value in state.items()}, buffer)
    with atomic_write(path) as draft:
        draft.write_bytes(buffer.getvalue())


def load_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Return a state dict, on the CPU."""
    return torch.load(path, map_location="cpu", weights_only=True)
