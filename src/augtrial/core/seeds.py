"""Random numbers: every generator is derived from the study's one seed and a name."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *name: object) -> int:
    """Return a 63-bit seed, derived from the study's seed and the name of a purpose.

    The same seed and name give the same number on every machine and in any order of the jobs.
    A different seed or name gives an unrelated number.
    """
    text = "\x1f".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *name: object) -> np.random.Generator:
    """Return a NumPy generator for this seed and name."""
    return np.random.default_rng(derive(seed, *name))


def torch_generator(seed: int, *name: object) -> "torch.Generator":
    """Return a PyTorch generator on the CPU for this seed and name.

    Random numbers are drawn on the CPU and copied to the device, so that a study draws the same
    numbers on every device.
    """
    import torch

    return torch.Generator().manual_seed(derive(seed, *name))
