"""Whether the networks learned: their final training loss against that of a guess."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

SHARE = 0.9  # of a guess's loss, above which a network counts as not trained

COLUMNS = [
    *("arm", "replicate", "fold", "updates", "epochs", "loss", "accuracy", "limit", "trained"),
    *("unit", "lesions", "patients"),
]


def training_table(
    histories: pd.DataFrame, predictions: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """Return one row a network: arm, replicate, fold, updates, epochs, its final loss and accuracy
    on its training images (means over the last stretch of updates), the limit, whether it is
    trained, the unit of the loss, and the lesions and patients that it was trained on.

    The limit is 0.9 ln(number of classes): a network that still loses nearly as much as a guess
    has learned nothing that a comparison could be about.

    Args:
        histories: arm, replicate, fold, update, epoch, loss, accuracy (`runs.read_histories`).
        predictions: they tell which lesions each fold held out.
        classes: all classes.
    """
    limit = SHARE * float(np.log(len(classes)))
    last = histories.sort_values("update", kind="stable")
    last = last.groupby(["arm", "replicate", "fold"], sort=False).tail(1)
    table = last.rename(columns={"update": "updates", "epoch": "epochs"})
    table = table.assign(limit=limit, trained=table["loss"] <= limit, unit="nats")
    table = table.merge(_trained_on(predictions), on=["replicate", "fold"], how="left")
    order = {arm: number for number, arm in enumerate(dict.fromkeys(histories["arm"]))}
    table = table.sort_values(
        ["arm", "replicate", "fold"], key=lambda c: c.map(order) if c.name == "arm" else c
    )
    return table[COLUMNS].reset_index(drop=True)


def _trained_on(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return replicate, fold, lesions, patients: those that the fold does not hold out."""
    known = predictions["patient_id"].where(
        predictions["patient_id"] != "", predictions["lesion_id"]
    )
    lesions = predictions.assign(patient=known).drop_duplicates(["replicate", "lesion_id"])
    rows = []
    for replicate, own in lesions.groupby("replicate"):
        for fold in own["fold"].unique():
            rest = own[own["fold"] != fold]
            rows.append((replicate, fold, len(rest), rest["patient"].nunique()))
    return pd.DataFrame(rows, columns=["replicate", "fold", "lesions", "patients"])


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
