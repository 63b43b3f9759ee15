"""The job of the comparison: every table of endpoints, contrasts and verdicts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from augtrial.core.io import read_histories, read_table, write_table
from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.core.registry import tasks
from augtrial.statistics.comparison import compare_networks
from augtrial.statistics.curves import subset_tables
from augtrial.statistics.fitness import fitness_table, unfit_arms, unfit_synthesizers
from augtrial.statistics.predictions import read_predictions


def compare_arms(
    *,
    predictions: str | Path,
    curves: str | Path,
    updates: str | Path,
    subsets: str | Path,
    histories: Sequence[str],
    fitness: Sequence[str],
    lesions: str | Path,
    contrasts: Sequence[str],
    primary: str,
    controls: Sequence[str],
    task: str,
    classes: Sequence[str],
    endpoint: str,
    margin: float,
    confidence: float,
    conditional_on: str,
    sizes: Mapping[int, Mapping[str, float]],
    synthesizers: Mapping[str, Sequence[str]],
    tables: Mapping[str, str | Path],
) -> None:
    """Write the tables of `compare_networks` and `subset_tables`, whose arguments these are.

    `lesions` is the table with their diameters (rois.csv), `fitness` are the tables of
    `jobs.fitness`, and `synthesizers` those of each arm: one that is unfit makes an arm "not
    evaluable". `endpoint` is a key of
    `names.PRIMARY_ENDPOINTS`; `conditional_on`, what the replicates have in common, becomes a
    column of every table; `tables` says where each is written.
    """
    rows, measured = read_predictions(predictions), read_table(lesions)
    measures = [read_table(path) for path in fitness]
    fit = fitness_table(pd.concat(measures) if measures else pd.DataFrame())
    found = compare_networks(
        rows,
        read_histories(histories).dropna(subset="arm"),
        contrasts,
        classes=classes,
        curves=read_predictions(curves),
        stops=read_predictions(updates),
        endpoint=PRIMARY_ENDPOINTS[endpoint],
        margin=margin,
        confidence=confidence,
        primary=primary,
        controls=controls,
        diameters=dict(zip(measured["lesion_id"], measured["diameter_px"], strict=True)),
        outcomes=tasks[task].outcomes,
        unfit=unfit_arms(unfit_synthesizers(fit), synthesizers),
    )
    found["fitness"] = fit
    found |= subset_tables(
        read_predictions(subsets), rows, contrasts, sizes=sizes, confidence=confidence
    )
    for name, table in found.items():
        write_table(tables[name], table.assign(conditional_on=conditional_on))
