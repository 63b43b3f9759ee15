"""Verdicts in sentences, for the report and the terminal, from tables/verdicts.csv alone."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from augtrial.core.names import PRIMARY_ENDPOINTS
from augtrial.reporting.figures import wording
from augtrial.reporting.figures.wording import contrast_name, count
from augtrial.statistics.verdicts import CANNOT_TELL, GAIN, NO_DIFFERENCE, NO_VERDICT, POWER

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
    """Return that the study has no assay sensitivity; empty unless a positive control failed.

    A trial has assay sensitivity if it can tell a treatment that works from one that does not
    (ICH E10, 2000, section 1.5). `controls` are the contrasts that fresh lesions should win.
    """
    judged = verdicts[verdicts["contrast"].isin(controls) & (verdicts["verdict"] != NO_VERDICT)]
    failed = judged[judged["verdict"] != GAIN]
    if failed.empty:
        return ""
    names = " and ".join(contrast_name(name) for name in failed["contrast"])
    return (
        "This design could not detect a gain: even fresh lesions of new patients did not give one "
        f"({names}: {failed.iloc[0]['verdict']}). Without assay sensitivity, no verdict below "
        "is evidence against synthesis."
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
    """Return what this design could detect, and what would make it detect the margin."""
    if math.isnan(row["detectable"]):
        return ""
    margin = f"{100 * row['margin']:g} points"
    detects = f"This design detects a difference of {100 * row['detectable']:.1f} points"
    could = f"{detects} with {POWER:.0%} power."
    if row["replicates_needed"] <= row["replicates"]:
        return could
    needed = {noun: row[f"{noun}s_needed"] for noun in ("replicate", "patient")}
    ways = [f"about {count(int(n), noun)}" for noun, n in needed.items() if n < MANY]
    if ways:
        return f"{could} To detect the margin of {margin}: {' or '.join(ways)}."
    larger = "trainings; longer training may reduce it"
    if row["share_patients"] > row["share_replicates"]:
        larger = "patients"
    return (
        f"{could} To detect the margin of {margin}, both more replicates and more patients are "
        f"needed. Most of the variance is between {larger}."
    )
