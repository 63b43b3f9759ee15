"""Randomness: every generator is derived from the study's one seed and a name."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, *name: object) -> int:
    """Return a 63-bit seed that depends on the study's seed and on what it is for.

    The same seed and name give the same number on every machine, whatever the order of the
    jobs; another seed or name gives an unrelated one.
    """
    text = "\x1f".join(str(part) for part in (seed, *name))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *name: object) -> np.random.Generator:
    """Return NumPy's generator for this seed and name."""
    return np.random.default_rng(derive(seed, *name))


def torch_generator(seed: int, *name: object) -> "torch.Generator":
    """Return PyTorch's generator for this seed and name; it lives on the CPU.

    Random numbers are drawn on the CPU and carried to the device, so that a study means the
    same draws wherever it runs.
    """
    import torch

    return torch.Generator().manual_seed(derive(seed, *name))
