"""The tables of a finished study as Markdown, for a README or a note."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from augtrial.errors import UserError
from augtrial.figures.tables import read_table
from augtrial.figures.wording import count
from augtrial.files import read_json
from augtrial.report.rows import Table, by_updates, comparison, differences
from augtrial.report.verdicts import blindness, verdict_lines
from augtrial.settings import read_settings


def summary(folder: Path) -> str:
    """Return a study's counts, comparison table, verdicts, differences and stage times.

    Args:
        folder: the study's results, such as results/quick.

    Raises:
        UserError: when the folder holds no finished study.
    """
    record, tables = folder / "study.json", folder / "tables"
    needed = [
        record,
        *(tables / f"{name}.csv" for name in ("endpoints", "contrasts", "verdicts", "updates")),
    ]
    if missing := [str(path) for path in needed if not path.exists()]:
        title = f"{folder} holds no finished study of this version; these are missing:"
        raise UserError(missing, title)
    facts = read_json(record)
    endpoints = read_table(tables / "endpoints.csv")
    contrasts = read_table(tables / "contrasts.csv")
    patients = count(facts["patients"], "patient") if facts["patients"] else "unknown patients"
    parts = [
        f"{count(facts['lesions'], 'lesion')} of {patients}, "
        f"{count(len(facts['folds']), 'fold')}, {count(len(facts['replicates']), 'replicate')}; "
        f"{', '.join(facts['devices'])}; config {facts['config_hash']}"
        + (f"; conditional on {facts['conditional_on']}." if facts["conditional_on"] else "."),
        "Percent, with 95 % intervals for new patients and re-runs of the recipe:"
        if facts["settings"]["confidence"] == 0.95
        else f"Percent, with intervals at {facts['settings']['confidence']:.0%}:",
        _markdown(comparison(endpoints, facts["classes"])),
    ]
    verdicts = read_table(tables / "verdicts.csv")
    if len(verdicts):
        controls = read_settings(facts["settings"], str(record)).positive_controls
        first = blindness(verdicts, controls)
        lines = [*([first] if first else []), *map(str, verdict_lines(verdicts))]
        parts += ["Verdicts:", "\n".join(f"- {line}" for line in lines)]
    updates = read_table(tables / "updates.csv")
    if updates.groupby("arm")["updates"].nunique().max() > 1:
        parts += ["Accuracy against gradient updates, percent:", _markdown(by_updates(updates))]
    if len(contrasts):
        parts += ["Differences in percentage points:", _markdown(differences(contrasts))]
    if len(times := stage_times(folder / "benchmarks")):
        parts += ["Time of the jobs, as Snakemake's benchmarks recorded it:", _times(times)]
    return "\n\n".join(parts) + "\n"


def stage_times(folder: Path) -> pd.DataFrame:
    """Return rule, jobs, minutes (the sum over its jobs), largest memory in GB."""
    rows = []
    for rule in sorted({path.relative_to(folder).parts[0] for path in folder.rglob("*.tsv")}):
        place = folder / rule
        files = [place] if place.is_file() else sorted(place.rglob("*.tsv"))
        table = pd.concat(pd.read_csv(path, sep="\t", na_values=["-"]) for path in files)
        rows.append(
            {
                "stage": rule.removesuffix(".tsv"),
                "jobs": len(table),
                "minutes": table["s"].sum() / 60,
                "memory": table["max_rss"].max() / 1024,
            }
        )
    return pd.DataFrame(rows)


def _markdown(table: Table) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(table.columns)} |"
        yield f"|{'---|' * len(table.columns)}"
        for row in table.rows:
            cells = [" ".join([cell.text, *(f"({small})" for small in cell.small)]) for cell in row]
            yield f"| {' | '.join(cells)} |"

    return "\n".join(lines())


def _times(times: pd.DataFrame) -> str:
    rows = [
        f"| {row.stage} | {row.jobs} | {row.minutes:.1f} | {row.memory:.1f} |"
        for row in times.itertuples()
    ]
    return "\n".join(
        ["| stage | jobs | minutes, summed | memory, GB |", "|---|---|---|---|", *rows]
    )
