"""Verdicts in sentences, for the report and the terminal, from tables/verdicts.csv alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from augtrial.core.names import (
    DIFFERENCE,
    NON_INFERIOR,
    PRIMARY_ENDPOINTS,
    contrast_question,
)
from augtrial.reporting.figures import wording
from augtrial.reporting.figures.wording import contrast_name
from augtrial.statistics.panel import LESIONS_AS_PATIENTS
from augtrial.statistics.verdicts import (
    BEYOND,
    CANNOT_TELL,
    CONTROL,
    LOSS,
    NO_DIFFERENCE,
    NO_VERDICT,
    NOT_EVALUABLE,
    POWER,
    PRIMARY,
    SMALL,
)

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
CONTROL_SAYS |= {SMALL[LOSS]: CONTROL_SAYS[NO_DIFFERENCE], BEYOND[LOSS]: CONTROL_SAYS[LOSS]}


@dataclass(frozen=True)
class VerdictLine:
    """A contrast's verdict in words: the verdict, its numbers, why, and what would change it."""

    contrast: str
    role: str
    verdict: str
    numbers: str
    because: str
    change: str

    def __str__(self) -> str:
        """Return the verdict as the terminal shows it."""
        parts = (f"{self.contrast} ({self.role}): {self.verdict}.", self.numbers, self.because)
        sentences = " ".join(filter(None, parts))
        return f"{sentences}\n  {self.change}" if self.change else sentences


def verdict_lines(verdicts: pd.DataFrame) -> list[VerdictLine]:
    """Return tables/verdicts.csv in words, a line a contrast."""
    lines = []
    for row in verdicts.fillna({"reason": "", "conditional_on": ""}).to_dict("records"):
        why = f" ({row['reason']})" if row["verdict"] == NO_VERDICT else ""
        why = f": {row['reason']}" if row["verdict"] == NOT_EVALUABLE else why
        given = row.get("conditional_on")
        given = f", given {given}" if given and not why else ""
        words = (_numbers(row), _because(row), _change(row))
        name, verdict = contrast_name(row["contrast"]), f"{row['verdict']}{why}{given}"
        lines.append(VerdictLine(name, row["role"], verdict, *words))
    return lines


def _numbers(row: dict[str, Any]) -> str:
    endpoint = primary_name(row["endpoint"], row["class"])
    if math.isnan(row["difference"]):
        return f"{endpoint}: not estimable."
    difference = f"{endpoint}: {wording.points(row['difference'])} points"
    if math.isnan(row["low"]):
        return f"{difference}."
    full = row["role"] in (PRIMARY, CONTROL)
    kind = "interval" if full else "interval (not adjusted for the number of contrasts)"
    interval = wording.points_interval(row["low"], row["high"])
    p = f"{'p' if full else 'adjusted p'} {wording.p_value(row['p_adjusted'])}"
    narrow = ""
    if row["cases"] == LESIONS_AS_PATIENTS:
        narrow = " Lesions count as patients: too narrow if patients have several."
    return f"{difference}, {100 * (1 - row['level']):g} % {kind} {interval}, {p}.{narrow}"


def assay_sensitivity(verdicts: pd.DataFrame) -> str:
    """Return what the positive controls say of the design; empty where they gained.

    A trial has assay sensitivity if it can tell a treatment that works from one that does not
    (ICH E10, 2000, section 1.5). One without a difference that matters is no failure of the
    design: it says that more lesions of this kind, real ones even, do not help this classifier.
    """
    judged = verdicts[verdicts["role"] == CONTROL]
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
    verdict, question = row["verdict"], contrast_question(row["contrast"])
    if verdict == NO_DIFFERENCE:
        return f"The interval lies within the margin of {margin}."
    if verdict != CANNOT_TELL:
        return ""
    if question != DIFFERENCE:
        side = "below minus" if question == NON_INFERIOR else "below"
        return f"The interval reaches {side} the margin of {margin}, or p is not below the level."
    if row["low"] <= 0 <= row["high"]:
        return f"The interval includes zero and exceeds the margin of {margin}."
    return "The interval excludes zero, but p adjusted over the contrasts is not below the level."


def detectable_range(row: Mapping[Any, Any] | pd.Series) -> str:
    """Return the minimal detectable effect, "4.2 to 6.1 points", as far as it is known."""
    low, high = (wording.points(row[f"detectable_{end}"]).lstrip("+") for end in ("low", "high"))
    return f"{low} to {high} points"


def _change(row: dict[str, Any]) -> str:
    """Return what this design could detect, and what would narrow the interval most."""
    if math.isnan(row["detectable_low"]) or row["verdict"] == NOT_EVALUABLE:
        return ""
    larger = "trainings: more replicates, or longer training, would narrow the interval most"
    if row["share_patients"] > row["share_replicates"]:
        larger = "patients: more of them would narrow the interval most"
    return (
        f"The smallest difference that this design detects with {100 * POWER:g} % power is "
        f"{detectable_range(row)}. Most of the variance is between {larger}."
    )
