"""Whether the networks converged: their final training loss against that of a guess."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

CONVERGED_SHARE = 0.9  # of a guess's loss, above which a network counts as not converged

COLUMNS = [
    *("arm", "replicate", "fold", "updates", "epochs", "loss", "accuracy", "limit", "converged"),
    *("unit", "lesions", "patients"),
]


def training_table(
    histories: pd.DataFrame, predictions: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """Return one row a network: its final loss and accuracy, and whether it has converged.

    Both are means over the last stretch of updates, on training images. Lesions and patients are
    those that it was trained on. The limit is 0.9 ln(number of classes). `histories` are arm,
    replicate, fold, update, epoch, loss, accuracy; `predictions` say which lesions each fold held
    out.
    """
    limit = CONVERGED_SHARE * float(np.log(len(classes)))
    last = histories.sort_values("update", kind="stable")
    last = last.groupby(["arm", "replicate", "fold"], sort=False).tail(1)
    table = last.rename(columns={"update": "updates", "epoch": "epochs"})
    table = table.assign(limit=limit, converged=table["loss"] <= limit, unit="nats")
    table = table.merge(_trained_on(predictions), on=["replicate", "fold"], how="left")
    table = table.sort_values(["arm", "replicate", "fold"], key=arms_in_order(histories["arm"]))
    return table[COLUMNS].reset_index(drop=True)


def arms_in_order(arms: Iterable[str]) -> Callable[[pd.Series], pd.Series]:
    """Return a key that sorts a column arm by the first places of the arms, others as they are."""
    order = {arm: number for number, arm in enumerate(dict.fromkeys(arms))}
    return lambda column: column.map(order) if column.name == "arm" else column


def _trained_on(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return replicate, fold, lesions, patients: those that the fold does not hold out."""
    patients = predictions["patient_id"]
    known = patients.where(patients != "", predictions["lesion_id"])
    lesions = predictions.assign(patient=known).drop_duplicates(["replicate", "lesion_id"])
    rows = []
    for replicate, table in lesions.groupby("replicate"):
        for fold in table["fold"].unique():
            trained_on = table[table["fold"] != fold]
            rows.append((replicate, fold, len(trained_on), trained_on["patient"].nunique()))
    return pd.DataFrame(rows, columns=["replicate", "fold", "lesions", "patients"])


def unconverged_arms(table: pd.DataFrame) -> dict[str, str]:
    """Return the arms of which a network has not converged, with which one in words."""
    found = {}
    for arm, rows in table[~table["converged"]].groupby("arm", sort=False):
        worst = rows.sort_values("loss", na_position="last").iloc[-1]
        found[arm] = (
            f"final training loss {worst['loss']:.2f}, above {worst['limit']:.2f}, in replicate "
            f"{worst['replicate']}, fold {worst['fold']}"
            + (f" ({len(rows)} networks in all)" if len(rows) > 1 else "")
        )
    return found
