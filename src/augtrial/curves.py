"""Curves: endpoints against the training set's size (the paper's Figure 8) and against updates."""

from collections.abc import Sequence

import pandas as pd

from augtrial.endpoints import ENDPOINT_COLUMNS, endpoint_table


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
        stops: as for arms, with the column updates.
        predictions: at the end of training; arms that train nothing are left out.
        training: `learned.training_table`: after how many updates that end is. Where a budget of
            epochs makes folds differ in it, their median stands for all.
        confidence: of the intervals.

    Returns:
        arm, updates, and the columns of `endpoints.endpoint_table`.
    """
    last = training.groupby("arm", sort=False)["updates"].median().round().astype(int)
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
