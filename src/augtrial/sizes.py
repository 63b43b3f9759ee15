"""The sizes of what finished jobs wrote, so that a file cut short later is seen and made anew.

A full disk or a crashed file system can cut a file that was whole; Snakemake would read on from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from augtrial.files import read_json, write_json

SUFFIX = ".sizes.json"


def record_sizes(
    log: str | Path, outputs: Iterable[str | Path], inputs: Iterable[str | Path] = ()
) -> None:
    """Write the sizes of a job's outputs beside its log, and what they were made from."""
    sizes = {str(path): Path(path).stat().st_size for path in outputs}
    write_json(
        Path(log).with_suffix(SUFFIX), {"outputs": sizes, "inputs": [str(path) for path in inputs]}
    )


@dataclass(frozen=True)
class Damage:
    """A file that is not as long as its job wrote it, and all that must go with it.

    That is what this job wrote and, before it in `gone`, what other jobs made from that: Snakemake
    runs no job for a file that nothing still to be made needs.
    """

    path: Path
    now: int
    then: int
    gone: tuple[Path, ...]


def damaged_files(logs: str | Path) -> list[Damage]:
    """Return the files whose size is not what their job wrote.

    Of several jobs that wrote one file the latest counts. Files that are gone are no damage:
    Snakemake makes them anew by itself, if anything needs them.
    """
    paths = sorted(Path(logs).rglob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    records = [read_json(path) for path in paths]
    records = [record for record in records if "outputs" in record]  # others: of an older version
    written = {name: record for record in records for name in record["outputs"]}
    found = []
    for name, record in written.items():
        path, then = Path(name), record["outputs"][name]
        if path.exists() and (now := path.stat().st_size) != then:
            found.append(Damage(path, now, then, _made_from(record, records)))
    return found


def _made_from(first: dict, records: Sequence[dict]) -> tuple[Path, ...]:
    """Return what a job wrote and all that was made from it, the last made first."""
    gone = list(first["outputs"])
    for name in gone:  # it grows on the way
        for record in records:
            if name in record["inputs"]:
                gone += [output for output in record["outputs"] if output not in gone]
    return tuple(map(Path, reversed(gone)))
