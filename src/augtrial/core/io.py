"""The files of results: written complete or not at all, and read back."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `script_context`, which imports this, comes before NumPy
    import numpy as np
    import pandas as pd


# Names stay text, whatever they look like: a class may be called 1, NA or None.
NAMES = (
    *("arm", "curve", "recipe", "contrast", "endpoint", "class", "label", "predicted", "unit"),
    *("lesion_id", "patient_id", "conditional_on", "method", "synthesizer", "measure", "network"),
)
_REPLICATE_FOLD = re.compile(r"replicate(\d+)/fold(\d+)/")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` when the block succeeds.

    The file is on the disk before it has its name, so that not even a power cut leaves a part of
    it. The suffix is kept, since writers choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield draft
        _sync(draft)
        os.replace(draft, path)
        with suppress(OSError):  # some systems and network drives have no such call for a folder
            _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_arrays(path: str | Path, **arrays: "np.ndarray") -> None:
    """Write named arrays as one .npz; equal arrays give equal bytes."""
    import numpy as np

    with atomic_write(path) as draft:
        np.savez(draft, allow_pickle=False, **arrays)


def write_table(path: str | Path, table: "pd.DataFrame", **options: Any) -> None:
    """Write a table as CSV, without its index; `options` go to pandas."""
    with atomic_write(path) as draft:
        table.to_csv(draft, index=False, **options)


def write_json(path: str | Path, value: Any) -> None:
    """Write a value as JSON that a person can read."""
    with atomic_write(path) as draft:
        draft.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_table(path: str | Path) -> "pd.DataFrame":
    """Return a table of the study; only an empty cell is a missing value."""
    import pandas as pd

    names = dict.fromkeys(NAMES, str)
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_arrays(paths: Iterable[str | Path]) -> "dict[str, np.ndarray]":
    """Return the arrays of .npz files by name, those of one name joined one after the other."""
    import numpy as np

    found: dict[str, list[np.ndarray]] = {}
    for path in paths:
        with np.load(path) as arrays:
            for name, values in arrays.items():
                found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def read_histories(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Return histories below each other, with the replicate and fold that their paths name."""
    import pandas as pd

    tables = []
    for path in paths:
        replicate, fold = _REPLICATE_FOLD.findall(Path(path).as_posix())[-1]
        tables.append(read_table(path).assign(replicate=int(replicate), fold=int(fold)))
    return pd.concat(tables, ignore_index=True)
