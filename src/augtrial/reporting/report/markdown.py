"""The tables of a finished study as Markdown, for a README or a note."""

from pathlib import Path

import pandas as pd

from augtrial.core.errors import UserError
from augtrial.core.io import read_json, read_table
from augtrial.core.names import count
from augtrial.reporting.report.prose import registration
from augtrial.reporting.report.tables import Cell, Table, by_updates, comparison, differences
from augtrial.reporting.report.verdicts import assay_sensitivity, verdict_lines


def summary(folder: Path) -> str:
    """Return a study's counts, comparison table, verdicts, differences and stage times.

    Raises:
        UserError: when the folder (such as results/quick) holds no finished study.
    """
    record = folder / "study.json"
    names = ("endpoints", "contrasts", "verdicts", "updates")
    tables = [folder / "tables" / f"{name}.csv" for name in names]
    if missing := [str(path) for path in (record, *tables) if not path.exists()]:
        title = f"{folder} holds no finished study of this version; these are missing:"
        raise UserError(missing, title)
    facts = read_json(record)
    endpoints, contrasts, verdicts, updates = map(read_table, tables)
    patients = count(facts["patients"], "patient") if facts["patients"] else "unknown patients"
    parts = [
        f"{count(facts['lesions'], 'lesion')} of {patients}, "
        f"{count(len(facts['folds']), 'fold')}, {count(len(facts['replicates']), 'replicate')}; "
        f"{', '.join(facts['devices'])}; config {facts['config_hash']}"
        + (f"; conditional on {facts['conditional_on']}." if facts["conditional_on"] else "."),
        "Percent, with 95 % intervals for new patients and new replicates:"
        if facts["settings"]["confidence"] == 0.95
        else f"Percent, with intervals at {facts['settings']['confidence']:.0%}:",
        _markdown(comparison(endpoints, facts["classes"])),
    ]
    if len(verdicts):
        lines = [assay_sensitivity(verdicts), *map(str, verdict_lines(verdicts))]
        parts += ["Verdicts:", "\n".join(f"- {line}" for line in lines if line)]
    registered, deviations = registration(facts)
    parts += ["\n".join([registered, *(f"- {line}" for line in deviations)])]
    if updates.groupby("arm")["updates"].nunique().max() > 1:
        parts += ["Accuracy against gradient updates, percent:", _markdown(by_updates(updates))]
    if len(contrasts):
        parts += ["Differences in percentage points:", _markdown(differences(contrasts))]
    if (times := _stage_times(folder / "benchmarks")).rows:
        parts += ["Time of the jobs, as Snakemake's benchmarks recorded it:", _markdown(times)]
    return "\n\n".join(parts) + "\n"


def _stage_times(folder: Path) -> Table:
    """Return a row a rule: its jobs, the sum of their minutes, their largest memory."""
    rows = []
    for rule in sorted({path.relative_to(folder).parts[0] for path in folder.rglob("*.tsv")}):
        path = folder / rule
        files = [path] if path.is_file() else sorted(path.rglob("*.tsv"))
        table = pd.concat(pd.read_csv(path, sep="\t", na_values=["-"]) for path in files)
        minutes, memory = table["s"].sum() / 60, table["max_rss"].max() / 1024
        texts = (rule.removesuffix(".tsv"), str(len(table)), f"{minutes:.1f}", f"{memory:.1f}")
        rows.append([Cell(text) for text in texts])
    return Table(["stage", "jobs", "minutes, summed", "memory, GB"], rows)


def _markdown(table: Table) -> str:
    lines = [f"| {' | '.join(table.columns)} |", f"|{'---|' * len(table.columns)}"]
    for row in table.rows:
        cells = [" ".join([cell.text, *(f"({small})" for small in cell.small)]) for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
