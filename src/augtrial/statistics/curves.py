"""Curves: endpoints against the training set's size (the paper's Figure 8), updates, patients."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from augtrial.core.names import contrast_arms
from augtrial.statistics.contrasts import CONTRAST_COLUMNS, contrast_table
from augtrial.statistics.convergence import arms_in_order
from augtrial.statistics.endpoints import ENDPOINT_COLUMNS, endpoint_table


def curve_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return the endpoints of every point of every curve: curve and size instead of the arm.

    So have the predictions. Without curves the table is empty.
    """
    return _endpoints_by(predictions, ["curve", "size"], confidence)


def updates_table(
    stops: pd.DataFrame,
    predictions: pd.DataFrame,
    training: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the endpoints of every arm after so many updates, at its stops and at its end.

    `stops` have the column updates; one that some network of the arm ends before is left out.
    `training` (`convergence.training_table`) says after how many updates the end is; where a budget
    of epochs makes folds differ in it, their median stands for all. Arms that train nothing are
    left out.
    """
    updates = training.groupby("arm", sort=False)["updates"]
    last, least = updates.median().round().astype(int), updates.min()
    if not stops.empty:
        stops = stops[stops["updates"] < stops["arm"].map(least)]
    ends = predictions[predictions["arm"].isin(last.index)]
    ends = ends.assign(updates=ends["arm"].map(last))
    table = _endpoints_by(pd.concat([stops, ends]), ["arm", "updates"], confidence)
    table = table.sort_values(["arm", "updates"], key=arms_in_order(last.index), kind="stable")
    return table.reset_index(drop=True)


def _endpoints_by(predictions: pd.DataFrame, by: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return the endpoints of every group of predictions, as if each were an arm."""
    others = [column for column in ENDPOINT_COLUMNS if column != "arm"]
    if predictions.empty:
        return pd.DataFrame(columns=[*by, *others])
    tables = []
    for names, rows in predictions.groupby(list(by), sort=False):
        table = endpoint_table(rows.drop(columns=by).assign(arm="point"), confidence=confidence)
        tables.append(table.assign(**dict(zip(by, names, strict=True))))
    return pd.concat(tables, ignore_index=True)[[*by, *others]]


def subset_tables(
    subsets: pd.DataFrame,
    predictions: pd.DataFrame,
    contrasts: Iterable[str],
    *,
    sizes: Mapping[int, Mapping[str, float]],
    confidence: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """Return `subsets` and `subset_contrasts`: arms and their contrasts by the share of patients.

    `subsets` are predictions with the column share, the percentage of the training patients,
    `predictions` those with all of them; arms without subsets are left out. The tables begin with
    the share and its training_lesions and training_patients, means over the folds (`sizes`).
    """
    by = ["share", "training_lesions", "training_patients"]
    columns = {"subsets": ENDPOINT_COLUMNS, "subset_contrasts": CONTRAST_COLUMNS}
    if subsets.empty:
        return {name: pd.DataFrame(columns=[*by, *names]) for name, names in columns.items()}
    arms = set(subsets["arm"])
    whole = predictions[predictions["arm"].isin(arms)].assign(share=100)
    pairs = [contrast for contrast in contrasts if arms.issuperset(contrast_arms(contrast))]
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in columns}
    for share, rows in pd.concat([subsets, whole]).groupby("share"):
        rows, size = rows.drop(columns="share"), {"share": share, **sizes[share]}
        endpoints = endpoint_table(rows, confidence=confidence)
        differences = contrast_table(rows, pairs, confidence=confidence)
        found["subsets"].append(endpoints.assign(**size))
        found["subset_contrasts"].append(differences.assign(**size))
    return {
        name: pd.concat(parts, ignore_index=True)[[*by, *columns[name]]]
        for name, parts in found.items()
    }
