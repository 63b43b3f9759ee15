"""The files of results: written complete or not at all, and read back."""

import codecs
import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augtrial.core.errors import UserError

if TYPE_CHECKING:  # `script_context`, which imports this, comes before NumPy
    import numpy as np
    import pandas as pd


# Names stay text, whatever they look like: a class may be called 1, NA or None.
NAMES = (
    *("arm", "curve", "recipe", "contrast", "endpoint", "class", "label", "predicted", "unit"),
    *("lesion_id", "patient_id", "conditional_on", "method", "synthesizer", "measure", "network"),
)
# What a spreadsheet may put between cells in the place of a comma, in words.
SEPARATORS = ((";", "semicolons"), ("\t", "tabs"), ("|", "bars"))
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


def read_text(path: str | Path) -> str:
    """Return a text file's text, unpacked if it is a .gz file; UserError unless it is UTF-8."""
    path = Path(path)
    raw = path.read_bytes()
    if raw.startswith(b"\x1f\x8b"):
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise UserError(f"{path}: is truncated or damaged ({error}): copy it again") from None
    if found := not_utf8(raw, path.name):
        text, row = found
        raise UserError(f"{path}{f', row {row}' if row else ''}: {text}")
    return raw.decode("utf-8-sig")


def not_utf8(raw: bytes, name: str) -> tuple[str, int | None] | None:
    """Return what bytes are that are no text in UTF-8, and in which row; None if they are."""
    if raw.startswith(b"PK\x03\x04"):
        return "this is a spreadsheet or zip file: save it as 'CSV UTF-8'", None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:200]:
        how = f"save it as 'CSV UTF-8', or: iconv -f UTF-16 -t UTF-8 {name} > new.csv"
        return f"the text looks like UTF-16, not UTF-8: {how}", None
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        how = f"save it as 'CSV UTF-8', or: iconv -f CP1252 -t UTF-8 {name} > new.csv"
        byte = f"byte 0x{raw[error.start]:02x} ({raw[error.start : error.end].decode('latin-1')!r})"
        return f"{byte} is not UTF-8; it looks like Latin-1 (Windows-1252): {how}", row
    return None


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
