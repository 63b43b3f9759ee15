"""Size curves: accuracy against the size of the training set, the paper's Figure 8."""

import pandas as pd

from augtrial.endpoints import endpoint_table


def curve_table(predictions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return the endpoints of every point of every curve.

    Args:
        predictions: as for arms, with the columns curve and size instead of arm.
        confidence: of the intervals.

    Returns:
        curve, size, and the columns of `endpoints.endpoint_table` but arm; empty without curves.
    """
    columns = ["curve", "size", "endpoint", "class", "value", "low", "high", "replicates"]
    tables = [
        endpoint_table(
            rows.drop(columns=["curve", "size"]).assign(arm=f"{curve} {size}"),
            confidence=confidence,
        ).assign(curve=curve, size=size)
        for (curve, size), rows in (
            predictions.groupby(["curve", "size"], sort=False) if len(predictions) else ()
        )
    ]
    if not tables:
        return pd.DataFrame(columns=columns)
    table = pd.concat(tables, ignore_index=True).drop(columns="arm")
    return table[["curve", "size", *table.columns.drop(["curve", "size"])]]
