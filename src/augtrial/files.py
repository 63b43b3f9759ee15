"""Writing files whole: a result is there complete or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `jobs`, which stands on this, comes before NumPy; not every job needs pandas
    import numpy as np
    import pandas as pd


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` when the block succeeds.

    The suffix is kept, since writers choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_arrays(path: str | Path, **arrays: "np.ndarray") -> None:
    """Write named arrays as one .npz; equal arrays give equal bytes."""
    import numpy as np

    with written_whole(path) as draft:
        np.savez(draft, **arrays)


def write_table(path: str | Path, table: "pd.DataFrame", **options: Any) -> None:
    """Write a table as CSV, without its index; `options` go to pandas."""
    with written_whole(path) as draft:
        table.to_csv(draft, index=False, **options)


def write_json(path: str | Path, value: Any) -> None:
    """Write a value as JSON that a person can read."""
    with written_whole(path) as draft:
        draft.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
