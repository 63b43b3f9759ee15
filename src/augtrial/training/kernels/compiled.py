"""Loops over numbers, compiled by numba for the CPU and kept for the next job."""

import hashlib
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import CodeType
from typing import Any


@cache
def has_numba() -> bool:
    """Return whether loops can be compiled: a machine with a GPU may have PyTorch alone."""
    return find_spec("numba") is not None


def loop(function: Callable) -> Callable:
    """Compile a function of arrays at its first call, or take what an earlier job has kept of it.

    A product and a sum may be one operation, with one rounding.
    """
    import numba
    from numba.core.caching import FunctionCache

    class Kept(FunctionCache):
        """What is kept; what cannot be kept or read is compiled, which only takes time."""

        def load_overload(self, *signature):
            with suppress(OSError, EOFError, pickle.UnpicklingError):
                return super().load_overload(*signature)

        def save_overload(self, *overload):
            with suppress(OSError, EOFError, pickle.UnpicklingError):
                super().save_overload(*overload)

    config: Any = numba.config
    compiled: Any = numba.njit(fastmath={"contract"})(function)
    if folder := _folder(sys._getframe(1).f_code):
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            compiled._cache = Kept(function)
        finally:
            config.CACHE_DIR = before
    return compiled


@cache
def _folder(module: CodeType) -> Path | None:
    """Return where the loops of a module are kept, or None if nothing can be kept.

    The folder is that of these sources, versions and CPU: numba's own, beside the source, names its
    files by line, so that one cut off by a kill can hold the loops of an earlier source. A source
    that has changed since it was loaded has no folder.
    """
    import llvmlite
    import numba
    import numpy as np
    from llvmlite import binding

    cpu = binding.get_host_cpu_name(), sorted(binding.get_host_cpu_features().items())
    versions = numba.__version__, llvmlite.__version__, np.__version__
    try:
        texts = [Path(name).read_text(encoding="utf-8") for name in (__file__, module.co_filename)]
        if compile(texts[-1], module.co_filename, "exec", dont_inherit=True) != module:
            return None
        name = hashlib.sha256(repr((texts, versions, cpu)).encode()).hexdigest()[:16]
        home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folder = Path(home, "augtrial", name)
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or not ours: each job compiles for itself, seconds
        return None
    return folder if os.access(folder, os.W_OK) else None
