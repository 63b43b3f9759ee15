"""Verdicts in sentences, for the report and the terminal, from tables/verdicts.csv alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from augtrial.figures.wording import contrast_name, count, p_value, points, points_interval
from augtrial.settings import PRIMARY_ENDPOINTS
from augtrial.verdicts import CANNOT_TELL, GAIN, NO_DIFFERENCE, NO_VERDICT, POWER

MANY = 10_000  # replicates or patients that nobody will have


@dataclass(frozen=True)
class VerdictLine:
    """A contrast's verdict in words: the verdict, its numbers, why, and what would change it."""

    contrast: str
    verdict: str
    numbers: str
    because: str
    change: str

    def __str__(self) -> str:
        """Return the verdict as the terminal shows it."""
        told = " ".join(filter(None, (f"{self.contrast}: {self.verdict}.", self.numbers)))
        told = " ".join(filter(None, (told, self.because)))
        return f"{told}\n  {self.change}" if self.change else told


def verdict_lines(verdicts: pd.DataFrame) -> list[VerdictLine]:
    """Return tables/verdicts.csv in words, a line a contrast."""
    return [_line(row) for row in verdicts.fillna({"reason": ""}).to_dict("records")]


def _line(row: dict[str, Any]) -> VerdictLine:
    word = row["verdict"]
    if word == NO_VERDICT:
        word = f"{NO_VERDICT} ({row['reason']})"
    return VerdictLine(
        contrast_name(row["contrast"]), word, _numbers(row), _because(row), _change(row)
    )


def _numbers(row: dict[str, Any]) -> str:
    endpoint = primary_name(row["endpoint"], row["class"])
    if math.isnan(row["difference"]):
        return f"{endpoint}: not estimable."
    interval = points_interval(row["low"], row["high"])
    p = row["p_adjusted"]
    shown = "" if math.isnan(p) else f", adjusted p {p_value(p)}"
    return (
        f"{endpoint}: {points(row['difference'])} points, "
        f"{100 * (1 - row['level']):g} % interval {interval}{shown}."
    )


def blindness(verdicts: pd.DataFrame, controls: list[str]) -> str:
    """Return what a failed positive control says of the whole study; empty if none failed.

    Args:
        verdicts: tables/verdicts.csv.
        controls: the contrasts that fresh lesions should win (`Settings.positive_controls`).
    """
    own = verdicts[verdicts["contrast"].isin(controls) & (verdicts["verdict"] != NO_VERDICT)]
    failed = own[own["verdict"] != GAIN]
    if failed.empty:
        return ""
    names = " and ".join(contrast_name(name) for name in failed["contrast"])
    return (
        "This design could not have seen a gain: not even fresh lesions of new patients were told "
        f"apart as one ({names}: {failed.iloc[0]['verdict']}). No verdict below speaks against "
        "synthesis."
    )


def primary_name(endpoint: str, category: str) -> str:
    """Return a primary endpoint's name: "Macro sensitivity", "AUC"."""
    names = {key: name for name, key in PRIMARY_ENDPOINTS.items()}
    name = names[(endpoint, category)]
    return name.upper() if name == "auc" else name.capitalize()


def _because(row: dict[str, Any]) -> str:
    margin = f"{100 * row['margin']:g} points"
    if row["verdict"] == NO_DIFFERENCE:
        return f"The interval lies within the margin of {margin}."
    if row["verdict"] == CANNOT_TELL and row["low"] <= 0 <= row["high"]:
        return f"The interval reaches beyond the margin of {margin} and over zero."
    if row["verdict"] == CANNOT_TELL:
        return (
            "The interval leaves out zero, but p adjusted over all contrasts is not small enough."
        )
    return ""


def _change(row: dict[str, Any]) -> str:
    """Return what this design could detect, and what would make it detect the margin."""
    if math.isnan(row["detectable"]):
        return ""
    margin = f"{100 * row['margin']:g} points"
    could = (
        f"This design detects a difference of {100 * row['detectable']:.1f} points with "
        f"{POWER:.0%} power."
    )
    replicates, patients = row["replicates_needed"], row["patients_needed"]
    if replicates <= row["replicates"]:
        return could
    ways = list(_ways(replicates, patients))
    if ways:
        return f"{could} To detect the margin of {margin}: {' or '.join(ways)}."
    return (
        f"{could} Neither more replicates nor more patients alone would detect the margin of "
        f"{margin}; it takes more of both. {_larger(row)}"
    ).rstrip()


def _ways(replicates: float, patients: float) -> Iterator[str]:
    if replicates < MANY:
        yield f"about {count(int(replicates), 'replicate')}"
    if patients < MANY:
        yield f"about {count(int(patients), 'patient')}"


def _larger(row: dict[str, Any]) -> str:
    """Return which of the two randomnesses is the larger."""
    if row["share_patients"] > row["share_replicates"]:
        return "The patients' differences weigh most."
    return "The randomness of training weighs most: longer training may steady it."
