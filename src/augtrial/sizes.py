"""The sizes of what finished jobs wrote, so that a file cut short later is seen and made anew.

A full disk or a crashed file system can cut a file that was whole; Snakemake would read on from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from augtrial.files import read_json, write_json

SUFFIX = ".sizes.json"


def record_sizes(log: str | Path, outputs: Iterable[str | Path]) -> None:
    """Write the sizes of a job's outputs beside its log."""
    sizes = {str(path): Path(path).stat().st_size for path in outputs}
    write_json(Path(log).with_suffix(SUFFIX), sizes)


@dataclass(frozen=True)
class Damage:
    """A file that is not as long as its job wrote it, and all that this job wrote."""

    path: Path
    now: int
    then: int
    outputs: tuple[Path, ...]


def damaged_files(logs: str | Path) -> list[Damage]:
    """Return the files whose size is not what their job wrote.

    Of several jobs that wrote one file the latest counts. Files that are gone are no damage:
    Snakemake makes them anew by itself, if anything needs them.
    """
    written: dict[str, tuple[int, tuple[Path, ...]]] = {}
    records = sorted(Path(logs).rglob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    for record in records:
        sizes = read_json(record)
        outputs = tuple(map(Path, sizes))
        written |= {name: (size, outputs) for name, size in sizes.items()}
    found = []
    for name, (then, outputs) in written.items():
        path = Path(name)
        if path.exists() and (now := path.stat().st_size) != then:
            found.append(Damage(path, now, then, outputs))
    return found
