"""Reading the study's tables for figures and report."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

# Names stay text, whatever they look like: a class may be called 1, NA or None.
NAMES = (
    *("arm", "curve", "recipe", "contrast", "endpoint", "class", "label", "predicted", "unit"),
    *("lesion_id", "patient_id", "conditional_on", "method", "synthesizer", "measure"),
)


def read_table(path: str | Path) -> pd.DataFrame:
    """Return a table of the study; only an empty cell is a missing value."""
    names = dict.fromkeys(NAMES, str)
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])


def read_arrays(paths: Iterable[str | Path]) -> dict[str, np.ndarray]:
    """Return the arrays of .npz files by name, those of one name joined one after the other."""
    found: dict[str, list[np.ndarray]] = {}
    for path in paths:
        with np.load(path) as arrays:
            for name, values in arrays.items():
                found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}
