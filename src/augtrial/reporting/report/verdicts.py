"""Verdicts in sentences, for the report and the terminal, from tables/verdicts.csv alone."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.reporting.figures import wording
from augtrial.reporting.figures.wording import contrast_name
from augtrial.statistics.verdicts import CANNOT_TELL, LOSS, NO_DIFFERENCE, NO_VERDICT, POWER, SMALL

CONTROL_SAYS = {  # what a positive control without a gain says of the design, by its verdict
    CANNOT_TELL: (
        "this design could not detect a gain, since even fresh lesions of new patients did not "
        "give one. Without assay sensitivity, no verdict below is evidence against synthesis."
    ),
    NO_DIFFERENCE: (
        "fresh lesions of new patients made no relevant difference either. More lesions of this "
        "kind do not help this classifier, so that synthetic ones had nothing to gain."
    ),
    LOSS: (
        "fresh lesions of new patients did harm. Check that they are of the same kind as the "
        "cohort's before any verdict below is believed."
    ),
}
CONTROL_SAYS[SMALL[LOSS]] = CONTROL_SAYS[NO_DIFFERENCE]


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
        parts = (f"{self.contrast}: {self.verdict}.", self.numbers, self.because)
        sentences = " ".join(filter(None, parts))
        return f"{sentences}\n  {self.change}" if self.change else sentences


def verdict_lines(verdicts: pd.DataFrame) -> list[VerdictLine]:
    """Return tables/verdicts.csv in words, a line a contrast."""
    lines = []
    for row in verdicts.fillna({"reason": ""}).to_dict("records"):
        why = f" ({row['reason']})" if row["verdict"] == NO_VERDICT else ""
        name, verdict = contrast_name(row["contrast"]), f"{row['verdict']}{why}"
        lines.append(VerdictLine(name, verdict, _numbers(row), _because(row), _change(row)))
    return lines


def _numbers(row: dict[str, Any]) -> str:
    endpoint = primary_name(row["endpoint"], row["class"])
    if math.isnan(row["difference"]):
        return f"{endpoint}: not estimable."
    interval = wording.points_interval(row["low"], row["high"])
    p = row["p_adjusted"]
    shown = "" if math.isnan(p) else f", adjusted p {wording.p_value(p)}"
    return (
        f"{endpoint}: {wording.points(row['difference'])} points, "
        f"{100 * (1 - row['level']):g} % interval {interval}{shown}."
    )


def assay_sensitivity(verdicts: pd.DataFrame, controls: list[str]) -> str:
    """Return what the positive controls say of the design; empty where they gained.

    A trial has assay sensitivity if it can tell a treatment that works from one that does not
    (ICH E10, 2000, section 1.5). `controls` are the contrasts that fresh lesions should win. One
    without a difference that matters is no failure of the design: it says that more lesions of
    this kind, real ones even, do not help this classifier.
    """
    judged = verdicts[verdicts["contrast"].isin(controls)]
    return " ".join(
        f"{', '.join(map(contrast_name, rows['contrast']))}: {CONTROL_SAYS[verdict]}"
        for verdict, rows in judged.groupby("verdict", sort=False)
        if verdict in CONTROL_SAYS
    )


def primary_name(endpoint: str, category: str) -> str:
    """Return a primary endpoint's name: "Macro sensitivity", "AUC"."""
    names = {key: name for name, key in PRIMARY_ENDPOINTS.items()}
    name = names.get((endpoint, category), f"{endpoint}, {category}")
    return name.upper() if name == "auc" else name.capitalize()


def _because(row: dict[str, Any]) -> str:
    margin = f"{100 * row['margin']:g} points"
    if row["verdict"] == NO_DIFFERENCE:
        return f"The interval lies within the margin of {margin}."
    if row["verdict"] == CANNOT_TELL and row["low"] <= 0 <= row["high"]:
        return f"The interval includes zero and exceeds the margin of {margin}."
    if row["verdict"] == CANNOT_TELL:
        return (
            "The interval excludes zero, but p adjusted over all contrasts is not below the level."
        )
    return ""


def _change(row: dict[str, Any]) -> str:
    """Return what this design could detect, and what would narrow the interval most."""
    if math.isnan(row["detectable"]):
        return ""
    detects = f"This design detects a difference of {100 * row['detectable']:.1f} points"
    larger = "trainings: more replicates, or longer training, would narrow the interval most"
    if row["share_patients"] > row["share_replicates"]:
        larger = "patients: more of them would narrow the interval most"
    return f"{detects} with {POWER:.0%} power. Most of the variance is between {larger}."
