"""Where a network trains: a GPU or the CPU, and in which precision."""

import ctypes
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from augtrial.core.errors import UserError
from augtrial.training.precision import takes_bfloat16

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


@contextmanager
def training_device(
    device: str = "auto", precision: str = "auto", *, kind: str = "", multiply_adds: float = 0.0
) -> Iterator[Device]:
    """Give this job a device: a GPU that no other job of ours holds, if there is one.

    Where all are taken (more jobs are allowed than there are GPUs), they are shared evenly. Raises
    UserError if there is no GPU for `cuda`.

    `device` is auto, cpu or cuda; `precision` is auto, float32 or bfloat16. The kind of network and
    the multiply-adds of an update decide `auto` (`training.precision`).
    """
    # So many streams of the engine's graph run side by side then. CUDA reads it at its start.
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    if device == "cuda" and not torch.cuda.is_available():
        reason = "PyTorch finds no GPU here; auto takes the CPU then"
        raise UserError(f"device: cuda is asked for, but {reason}")
    limit_threads()
    if device == "cpu" or not torch.cuda.is_available():
        chosen, lock = torch.device("cpu"), None
    else:
        index, lock = _free_gpu(torch.cuda.device_count())
        chosen = torch.device("cuda", index)
        torch.cuda.set_device(chosen)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False  # float32 is float32
    by_size = precision == "auto" and takes_bfloat16(chosen, kind, multiply_adds)
    try:
        yield Device(chosen, bfloat16=by_size or precision == "bfloat16")
    finally:
        if lock is not None:
            lock.release()


def limit_threads() -> None:
    """Compute with one thread, since jobs run side by side, and keep memory that is freed.

    Each batch asks for the same large blocks again. The system would clear every page of them if
    they were given back in between.
    """
    torch.set_num_threads(1)
    with suppress(OSError, AttributeError):  # another system, or another C library than glibc
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _free_gpu(count: int) -> tuple[int, FileLock]:
    """Return the GPU with the fewest jobs of ours, and the lock by which this job holds it."""
    # Visible devices are named by the machine's numbers: SLURM gives every job its "cuda:0".
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count)))).split(",")
    folder = Path(tempfile.gettempdir()) / f"augtrial-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for slot in itertools.count(1):
        for index in range(count):
            name = visible[index].strip().replace("/", "-")
            lock = FileLock(folder / f"{name}.{slot}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return index, lock
    raise AssertionError("unreachable: the slots have no end")
