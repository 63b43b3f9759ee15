"""The sizes of what finished jobs wrote, so that a file cut short later is seen and made anew.

A full disk or a crashed file system can cut a file that was whole; Snakemake would read on from it.
"""

from collections.abc import Iterable
from pathlib import Path

from augtrial.files import read_json, write_json

SUFFIX = ".sizes.json"


def record_sizes(log: str | Path, outputs: Iterable[str | Path]) -> None:
    """Write the sizes of a job's outputs beside its log."""
    sizes = {str(path): Path(path).stat().st_size for path in outputs}
    write_json(Path(log).with_suffix(SUFFIX), sizes)


def damaged_files(logs: str | Path) -> dict[Path, tuple[int, int]]:
    """Return the files whose size is not what their job wrote: path -> (bytes now, then).

    Of several jobs that wrote one file the latest counts. Files that are gone are no damage:
    Snakemake makes them anew by itself.
    """
    written: dict[str, int] = {}
    records = sorted(Path(logs).rglob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    for record in records:
        written |= read_json(record)
    found = {}
    for name, then in written.items():
        path = Path(name)
        if path.exists() and (now := path.stat().st_size) != then:
            found[path] = now, then
    return found
