"""Curves: endpoints against the training set's size (the paper's Figure 8), updates, patients."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from augtrial.contrasts import CONTRAST_COLUMNS, contrast_table
from augtrial.endpoints import ENDPOINT_COLUMNS, endpoint_table
from augtrial.spelling import contrast_arms


def curve_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return the endpoints of every point of every curve.

    Args:
        predictions: as for arms, with the columns curve and size instead of arm.
        confidence: of the intervals.

    Returns:
        curve, size, and the columns of `endpoints.endpoint_table` but arm; empty without curves.
    """
    return _each_point(predictions, ["curve", "size"], confidence)


def updates_table(
    stops: pd.DataFrame,
    predictions: pd.DataFrame,
    training: pd.DataFrame,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the endpoints of every arm after so many updates, at its stops and at its end.

    Args:
        stops: as for arms, with the column updates. Where folds train for different numbers of
            updates, a stop that some network of the arm ends before is left out.
        predictions: at the end of training; arms that train nothing are left out.
        training: `learned.training_table`: after how many updates that end is. Where a budget of
            epochs makes folds differ in it, their median stands for all.
        confidence: of the intervals.

    Returns:
        arm, updates, and the columns of `endpoints.endpoint_table`.
    """
    updates = training.groupby("arm", sort=False)["updates"]
    last, least = updates.median().round().astype(int), updates.min()
    if not stops.empty:
        stops = stops[stops["updates"] < stops["arm"].map(least)]
    ends = predictions[predictions["arm"].isin(last.index)]
    ends = ends.assign(updates=ends["arm"].map(last))
    table = _each_point(pd.concat([stops, ends]), ["arm", "updates"], confidence)
    order = {arm: place for place, arm in enumerate(last.index)}
    table = table.sort_values(
        ["arm", "updates"], key=lambda c: c.map(order) if c.name == "arm" else c, kind="stable"
    )
    return table.reset_index(drop=True)


def _each_point(predictions: pd.DataFrame, by: Sequence[str], confidence: float) -> pd.DataFrame:
    """Return the endpoints of every group of predictions, as if each were an arm."""
    others = [column for column in ENDPOINT_COLUMNS if column != "arm"]
    if predictions.empty:
        return pd.DataFrame(columns=[*by, *others])
    tables = [
        endpoint_table(rows.drop(columns=by).assign(arm="point"), confidence=confidence).assign(
            **dict(zip(by, names, strict=True))
        )
        for names, rows in predictions.groupby(list(by), sort=False)
    ]
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

    Args:
        subsets: as for arms, with the column share: the percentage of the training patients.
        predictions: those with all of them; arms that have no subsets are left out.
        contrasts: pairs of arms; those of arms without subsets are left out.
        sizes: share -> training_lesions and training_patients, means over the folds.
        confidence: of the intervals.

    Returns:
        share, training_lesions, training_patients, then the columns of
        `endpoints.endpoint_table` and of `contrasts.contrast_table`.
    """
    by = ["share", "training_lesions", "training_patients"]
    if subsets.empty:
        return {
            "subsets": pd.DataFrame(columns=[*by, *ENDPOINT_COLUMNS]),
            "subset_contrasts": pd.DataFrame(columns=[*by, *CONTRAST_COLUMNS]),
        }
    arms = set(subsets["arm"])
    whole = predictions[predictions["arm"].isin(arms)].assign(share=100)
    pairs = [contrast for contrast in contrasts if arms.issuperset(contrast_arms(contrast))]
    found: dict[str, list[pd.DataFrame]] = {"subsets": [], "subset_contrasts": []}
    for share, rows in pd.concat([subsets, whole]).groupby("share"):
        own = rows.drop(columns="share")
        size = {"share": share, **sizes[share]}
        found["subsets"].append(endpoint_table(own, confidence=confidence).assign(**size))
        found["subset_contrasts"].append(
            contrast_table(own, pairs, confidence=confidence).assign(**size)
        )
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    return {name: table[[*by, *table.columns.drop(by)]] for name, table in tables.items()}
