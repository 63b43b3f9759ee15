"""Whether the networks learned: their final training loss against that of a guess."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

SHARE = 0.9  # of a guess's loss, above which a network counts as not trained

COLUMNS = ["arm", "replicate", "fold", "updates", "epochs", "loss", "accuracy", "limit", "trained"]


def training_table(histories: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row a network: arm, replicate, fold, updates, epochs, its final loss and accuracy
    on its training images (means over the last stretch of updates), the limit, and whether it
    is trained.

    The limit is 0.9 ln(number of classes): a network that still loses nearly as much as a guess
    has learned nothing that a comparison could be about.

    Args:
        histories: arm, replicate, fold, update, epoch, loss, accuracy (`runs.read_histories`).
        classes: all classes.
    """
    limit = SHARE * float(np.log(len(classes)))
    last = histories.sort_values("update", kind="stable")
    last = last.groupby(["arm", "replicate", "fold"], sort=False).tail(1)
    table = last.rename(columns={"update": "updates", "epoch": "epochs"})
    table = table.assign(limit=limit, trained=table["loss"] <= limit)
    order = {arm: number for number, arm in enumerate(dict.fromkeys(histories["arm"]))}
    table = table.sort_values(
        ["arm", "replicate", "fold"], key=lambda c: c.map(order) if c.name == "arm" else c
    )
    return table[COLUMNS].reset_index(drop=True)


def untrained_arms(table: pd.DataFrame) -> dict[str, str]:
    """Return the arms of which a network is not trained, with which one in words."""
    found = {}
    for arm, rows in table[~table["trained"]].groupby("arm", sort=False):
        worst = rows.loc[rows["loss"].idxmax()]
        found[arm] = (
            f"final training loss {worst['loss']:.2f}, above {worst['limit']:.2f}, in replicate "
            f"{worst['replicate']}, fold {worst['fold']}"
            + (f" ({len(rows)} networks in all)" if len(rows) > 1 else "")
        )
    return found
