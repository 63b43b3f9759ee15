"""Where a network trains: a GPU of its own or the CPU, and in which precision."""

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

from augtrial.errors import UserError

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
    # As many streams as an engine's graph has then run side by side. CUDA reads it at its start.
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device: cuda is asked for, but PyTorch finds no GPU here; auto takes the CPU then"
        )
    take_one_core()
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


def take_one_core() -> None:
    """Compute with one thread, since jobs run side by side, and keep what memory is freed.

    Each batch asks for the same large blocks again; given back to the system, they would be
    cleared page by page every time.
    """
    torch.set_num_threads(1)
    with suppress(OSError, AttributeError):  # another system, or another C library than glibc
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
