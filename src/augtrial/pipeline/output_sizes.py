"""The sizes of what finished jobs wrote, so that a file cut short later is seen and made anew."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from augtrial.core.errors import UserError
from augtrial.core.io import read_json, write_json
from augtrial.core.names import first_lines

SUFFIX = ".sizes.json"
LISTED = 10
ADVICE = (
    "The same command with `--config repair=true` removes them, and all results made from them, so "
    "that their jobs run again. Or put the files back as their jobs wrote them."
)
REMOVED = "They are removed, and all results made from them; their jobs run again."


def record_sizes(
    log: str | Path, outputs: Iterable[str | Path], inputs: Iterable[str | Path] = ()
) -> None:
    """Write the sizes of a job's outputs beside its log, and what they were made from."""
    sizes = {str(path): Path(path).stat().st_size for path in outputs}
    write_json(Path(log).with_suffix(SUFFIX), {"outputs": sizes, "inputs": list(map(str, inputs))})


def forget_sizes(log: str | Path) -> None:
    """Remove a job's record: from now on its outputs change."""
    Path(log).with_suffix(SUFFIX).unlink(missing_ok=True)


@dataclass(frozen=True)
class CutFile:
    """A result whose size in bytes is not the one that its job wrote.

    `affected` is what its job wrote and, before that, what other jobs made from it, the last made
    first. All of it must go, since Snakemake runs no job for a file that nothing else needs.
    """

    path: Path
    size: int
    written_size: int
    affected: tuple[Path, ...]


def cut_files(logs: str | Path) -> list[CutFile]:
    """Return the results whose size is not what their job wrote.

    Of several jobs that wrote one file the latest counts. Files that are gone do not count:
    Snakemake makes them anew by itself, if anything needs them.
    """
    paths = sorted(Path(logs).rglob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    records = [read_json(path) for path in paths]
    records = [record for record in records if "outputs" in record]  # others: of an older version
    latest = {name: record for record in records for name in record["outputs"]}
    found = []
    for name, record in latest.items():
        path, written_size = Path(name), record["outputs"][name]
        if path.exists() and (size := path.stat().st_size) != written_size:
            found.append(CutFile(path, size, written_size, _affected(record, records)))
    return found


def _affected(first: dict, records: Sequence[dict]) -> tuple[Path, ...]:
    """Return what a job wrote and all that was made from it, the last made first."""
    names = list(first["outputs"])
    for name in names:  # it grows on the way
        for record in records:
            if name in record["inputs"]:
                names += [output for output in record["outputs"] if output not in names]
    return tuple(map(Path, reversed(names)))


def check_sizes(root: str | Path, *, repair: bool, dry_run: bool) -> None:
    """Report results that are not as long as their jobs wrote them, and stop.

    To `repair` is to remove them, and all that was made from them. The last made goes first, so
    that a kill in between leaves work to do. A `dry_run` only reports.

    Raises:
        UserError: there are such results, and neither `repair` nor `dry_run` is asked for.
    """
    found = cut_files(Path(root) / "logs")
    if not found:
        return
    lines = [f"{f.path} has {f.size:,} bytes, its job wrote {f.written_size:,}" for f in found]
    title = f"{root} has results that are not as long as their jobs wrote them:"
    remove = repair and not dry_run
    report = UserError([*first_lines(lines, LISTED), REMOVED if remove else ADVICE], title)
    if not repair and not dry_run:
        raise report
    print(report, file=sys.stderr)
    if remove:
        for path in [path for file in found for path in file.affected]:
            path.unlink(missing_ok=True)
