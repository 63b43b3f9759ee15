"""The jobs that judge a replicate's networks on the held-out lesions, and gather predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from augtrial.core.io import read_arrays, write_table
from augtrial.core.registry import tasks
from augtrial.core.replicate import Replicate
from augtrial.jobs.networks import named_networks
from augtrial.statistics.predictions import read_predictions
from augtrial.training.device import limit_threads


def predict_replicate(
    networks: Sequence[str],
    rois: Sequence[str],
    tables: Sequence[str],
    *,
    folds: Sequence[int],
    replicate: str,
    task: str,
    settings: Mapping[str, Any],
    classes: Sequence[str],
    outputs: Mapping[str, str],
) -> None:
    """Predict the held-out lesions of each fold with each of its networks.

    `networks`, `rois` and `tables` (of measurements) have one file for each of the `folds`;
    `outputs` are the files `arms`, `curves` and `updates`.
    """
    limit_threads()
    judged, which = tasks[task], Replicate.parse(replicate)
    values = judged.settings(settings)
    share = {} if which.share == 100 else {"share": which.share}
    found: dict[str, list[pd.DataFrame]] = {"arms": [], "curves": [], "updates": []}
    for fold, path, pictures, table in zip(folds, networks, rois, tables, strict=True):
        lesions = pd.read_csv(table, dtype=str, keep_default_na=False)
        images = read_arrays([pictures])["images"]
        for name, state in named_networks(path):
            kind, named = _columns(name)
            columns = {"fold": fold, "replicate": which.number, **share, **named}
            rows = judged.predict(state, values, lesions, images, classes=classes, columns=columns)
            found[kind].append(rows)
    for kind, rows in found.items():
        write_table(outputs[kind], pd.concat(rows or [pd.DataFrame()]))


def _columns(name: str) -> tuple[str, dict[str, Any]]:
    """Return which table a network's predictions stand in, and the columns that name it."""
    recipe, _, updates = name.partition("@")
    arm, _, size = recipe.partition(":")
    if size:
        return "curves", {"curve": arm, "size": int(size)}
    if updates:
        return "updates", {"arm": arm, "updates": int(updates)}
    return "arms", {"arm": arm}


def gather_predictions(paths: str | Sequence[str], output: str, *, arms: Sequence[str]) -> None:
    """Write predictions of several files as one table, arms in the study's order."""
    table = read_predictions(paths)
    if "arm" in table:
        position = table["arm"].map({arm: index for index, arm in enumerate(arms)})
        keys = ["replicate", "fold", "position"]
        table = table.assign(position=position).sort_values(keys, kind="stable")
        table = table.drop(columns="position")
    write_table(output, table)
