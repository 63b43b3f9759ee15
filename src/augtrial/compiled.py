"""Loops over numbers, compiled by numba for the CPU and kept for the next job."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

VECTORS = Path(__file__).with_name("vectors.py")  # its operations become part of each loop


@cache
def has_numba() -> bool:
    """Return whether loops can be compiled: a machine with a GPU may have PyTorch alone."""
    return find_spec("numba") is not None


def loop(function: Callable) -> Callable:
    """Compile a function of arrays at its first call, with products and sums in one rounding."""
    import numba

    folder = _folder(function.__code__.co_filename)
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)  # read by the next line alone
    return numba.njit(cache=folder is not None, fastmath={"contract"})(function)


def by_pixel(maps: "Tensor") -> "np.ndarray":
    """Return [n, c, h, w] as an array [n, h, w, c]: the channels of a pixel lie side by side."""
    return maps.detach().permute(0, 2, 3, 1).contiguous().numpy()


@cache
def _folder(source: str) -> Path | None:
    """Return where what is compiled of a source is kept, or None if nothing can be kept.

    The folder is that of this source, these versions and this CPU: numba's own, beside the source,
    names its files by line, so that one cut off by a kill can hold the loops of an earlier source.
    """
    import numba
    from llvmlite import binding

    cpu = binding.get_host_cpu_name(), sorted(binding.get_host_cpu_features().items())
    texts = [Path(file).read_text(encoding="utf-8") for file in (source, VECTORS)]
    name = hashlib.sha256(repr((texts, numba.__version__, cpu)).encode()).hexdigest()[:16]
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(home, "augtrial", name)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or not ours: each job compiles for itself, seconds
        return None
    return folder if os.access(folder, os.W_OK) else None
