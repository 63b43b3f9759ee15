"""What every training shares: the device, the precision, and checkpoints to go on from."""

import ctypes
import hashlib
import io
import itertools
import json
import os
import pickle
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from augtrial import seeds
from augtrial.errors import UserError
from augtrial.files import written_whole

# Seconds between two checkpoints: what a killed training loses at most.
INTERVAL = float(os.environ.get("AUGTRIAL_CHECKPOINT_SECONDS", "60"))


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h


@dataclass(frozen=True)
class Device:
    """Where a network trains and in which precision."""

    torch: torch.device
    bfloat16: bool

    def autocast(self) -> AbstractContextManager:
        """Return the context of a forward pass."""
        if not self.bfloat16:
            return nullcontext()
        return torch.autocast(self.torch.type, dtype=torch.bfloat16)

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.torch.type == "cuda"

    @property
    def name(self) -> str:
        """Its name and precision, for the records."""
        kind = "CPU" if self.torch.type == "cpu" else torch.cuda.get_device_name(self.torch)
        return f"{kind}, {'bfloat16 autocast' if self.bfloat16 else 'float32'}"


def _has_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is quick there: emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


@contextmanager
def training_device(device: str = "auto", precision: str = "auto") -> Iterator[Device]:
    """Give this job a device: a GPU that no other job of ours holds, if there is one.

    Snakemake only counts `gpu=1`; nothing in it says which. Here lock files do. Where all are taken
    (the user counted more jobs than GPUs), they are shared evenly. On the CPU a job takes one
    thread, since jobs run side by side.

    Args:
        device: auto, cpu or cuda.
        precision: auto, float32 or bfloat16.

    Raises:
        UserError: cuda is asked for where there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device: cuda is asked for, but PyTorch finds no GPU here; auto takes the CPU then"
        )
    torch.set_num_threads(1)
    _keep_freed_memory()
    # As many streams as an engine's graph has then run side by side; asked for before the first.
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    if device == "cpu" or not torch.cuda.is_available():
        chosen, lock = torch.device("cpu"), None
    else:
        index, lock = _free_gpu(torch.cuda.device_count())
        chosen = torch.device("cuda", index)
        torch.cuda.set_device(chosen)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False  # float32 is float32
    bfloat16 = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(chosen))
    try:
        yield Device(chosen, bfloat16)
    finally:
        if lock is not None:
            lock.release()


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: each update asks for the same large blocks again.

    Given back to the system, they would be cleared page by page every time.
    """
    with suppress(OSError, AttributeError):  # another system, or another C library
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _free_gpu(count: int) -> tuple[int, FileLock]:
    """Return the GPU with the fewest jobs of ours, and the lock that holds a place on it."""
    # The visible devices name the machine's own: SLURM gives every job a "cuda:0" of its own.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count)))).split(",")
    folder = Path(tempfile.gettempdir()) / f"augtrial-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for place in itertools.count(1):
        for index in range(count):
            name = visible[index].strip().replace("/", "-")
            lock = FileLock(folder / f"{name}.{place}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return index, lock
    raise AssertionError("unreachable: places are without end")


class Checkpoint:
    """A place to go on from after a kill, in a folder that Snakemake does not know.

    Snakemake deletes a rule's outputs before it reruns the rule, so that a checkpoint can be no
    output. The folder is named by a hash of everything that decides the result: another setting
    or another image never goes on from it.
    """

    def __init__(self, folder: str | Path, key: Any, *arrays: np.ndarray, every: float = INTERVAL):
        """Name the checkpoint by settings (anything JSON can hold) and arrays.

        Args:
            folder: where this project's checkpoints are kept.
            key: the settings, seed and names that decide the result.
            arrays: the data that decide the result.
            every: seconds between two saves.
        """
        digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        self.path = Path(folder) / digest.hexdigest()[:24] / "state.pt"
        self.every = every
        self.saved = time.monotonic()

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
        with written_whole(self.path) as draft:
            torch.save(state, draft)
        self.saved = time.monotonic()


class CheckpointFolder:
    """The checkpoints of one job, one for each network that it trains; no second job joins in.

    A killed Snakemake leaves its jobs running, and after `snakemake --unlock` a second job of the
    same place would write into the same files: it waits until the first has ended.
    """

    def __init__(self, folder: str | Path, place: str, key: Any, *, keep: bool = False) -> None:
        """Name the job's place, and what decides its results: settings, seed, code.

        Args:
            folder: where this project's checkpoints are kept.
            place: the job's own name, a file name.
            key: the settings, seed and names that decide the results of all its networks.
            keep: True keeps the checkpoints of this run when it ends, for a later run of which
                only some networks differ; what no longer fits is removed either way.
        """
        self.folder, self.key, self.keep = Path(folder) / place, key, keep
        self.given: list[Checkpoint] = []
        self.lock = FileLock(self.folder.with_name(f"{place}.lock"))
        self.holder = self.folder.with_name(f"{place}.holder")

    def __enter__(self) -> "CheckpointFolder":
        """Take the place, once no other job holds it."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            holder = self.holder.read_text(encoding="utf-8") if self.holder.exists() else "another"
            print(
                f"{self.folder.name} is being trained by {holder}: this job waits until that one "
                "ends. A Snakemake that was killed leaves its jobs running; end that process, or "
                "let it finish, before `snakemake --unlock` and another run.",
                file=sys.stderr,
                flush=True,
            )
            self.lock.acquire()
        since = time.strftime("%Y-%m-%d %H:%M")
        self.holder.write_text(f"process {os.getpid()} on {platform.node()} since {since}")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the place back; a job that ended well leaves no checkpoint that is not kept."""
        if kind is None:
            current = {checkpoint.path.parent for checkpoint in self.given if self.keep}
            for own in self.folder.glob("*"):
                if own not in current:
                    shutil.rmtree(own, ignore_errors=True)
            if not current:
                shutil.rmtree(self.folder, ignore_errors=True)
        self.holder.unlink(missing_ok=True)
        self.lock.release()

    def of(self, name: Any, *arrays: np.ndarray) -> Checkpoint:
        """Return the checkpoint of one network, trained on these arrays."""
        self.given.append(Checkpoint(self.folder, [self.key, name], *arrays))
        return self.given[-1]


def save_state(path: str | Path, state: dict[str, torch.Tensor]) -> None:
    """Write a state dict from the CPU; equal tensors give equal bytes."""
    buffer = io.BytesIO()  # given a path, torch would write its name into the file
    torch.save({key: value.detach().cpu().contiguous() for key, value in state.items()}, buffer)
    with written_whole(path) as draft:
        draft.write_bytes(buffer.getvalue())


def load_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Return a state dict, on the CPU."""
    return torch.load(path, map_location="cpu", weights_only=True)


class BatchOrder:
    """Which images an update sees, computed from the update's number alone.

    Each epoch has an order of its own, drawn from the seed and the epoch's number, so that a
    training goes on after a kill exactly as it would have.
    """

    def __init__(self, size: int, batch: int, *, seed: int, whole: bool) -> None:
        """Take what decides the order.

        Args:
            size: images in the training set.
            batch: images an update.
            seed: of this training.
            whole: True draws full batches on across the ends of epochs; False ends every epoch
                with what is left.
        """
        self.size, self.batch, self.seed, self.whole = size, batch, seed, whole
        self.epochs: dict[int, np.ndarray] = {}

    def of(self, update: int) -> np.ndarray:
        """Return the indices of an update's batch; updates count from 0."""
        size, batch = self.size, self.batch
        if self.whole:
            places = np.arange(update * batch, (update + 1) * batch)
        else:
            per_epoch = -(-size // batch)
            start = update // per_epoch * size + update % per_epoch * batch
            places = np.arange(start, min(start + batch, (update // per_epoch + 1) * size))
        epochs = places // size
        return np.concatenate(
            [self._epoch(int(e))[places[epochs == e] % size] for e in np.unique(epochs)]
        )

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self.epochs:
            if len(self.epochs) > 1:
                self.epochs.clear()  # only the epoch at hand and the next are ever asked for
            own = seeds.generator(self.seed, "order", epoch)
            self.epochs[epoch] = own.permutation(self.size)
        return self.epochs[epoch]
