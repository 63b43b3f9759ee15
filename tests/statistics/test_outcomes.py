"""The seam between a task and the comparison, shown by a task other than classification."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from augtrial.core.errors import UserError
from augtrial.reporting.report.verdicts import verdict_lines
from augtrial.statistics.comparison import compare
from augtrial.statistics.intervals import crossed_interval
from augtrial.statistics.outcomes import ArmOutcomes, mean_outcome
from augtrial.statistics.panel import Panel, paired_allowance, panels

LESIONS, DICE = 40, ("dice", "all")


@dataclass(frozen=True)
class DicePanel(Panel):
    dice: np.ndarray


def dice_outcomes(rows):
    """Return each arm's mean Dice coefficient, as a task of segmentation would."""
    made = panels(rows, DicePanel, {"dice": "dice"}, sorted(set(rows["label"])))
    return {
        arm: ArmOutcomes(panel, (mean_outcome(panel, *DICE, panel.dice, counted=False),))
        for arm, panel in made.items()
    }


def dice_rows(gain, *, replicates=6, lesions_a_patient=1, seed=0):
    """Return the Dice of each lesion and replicate in two arms; the first is better by `gain`."""
    draw = np.random.default_rng(seed)
    number = np.arange(LESIONS)
    hard = draw.normal(0, 0.1, LESIONS)  # what both arms find hard
    frames = [
        pd.DataFrame(
            {
                "lesion_id": [f"l{i:02d}" for i in number],
                "patient_id": [f"p{i}" for i in number // lesions_a_patient],
                **{"fold": number // lesions_a_patient % 2, "replicate": r, "arm": arm},
                "label": np.take(["cyst", "metastasis"], number % 2),
                "dice": np.clip(mean + hard + draw.normal(0, 0.03, LESIONS), 0, 1),
            }
        )
        for arm, mean in (("gan", 0.6 + gain), ("classic", 0.6))
        for r in range(replicates)
    ]
    return pd.concat(frames, ignore_index=True)


def paired(rows):
    """Return the paired differences of each lesion and replicate: [n, R]."""
    wide = rows.pivot_table(index="lesion_id", columns=["arm", "replicate"], values="dice")
    return wide["gan"].to_numpy() - wide["classic"].to_numpy()


def widened(interval, patients):
    """Return the limits of two arms of two folds: with their allowance for shared training."""
    factor = paired_allowance(2, patients, counted=False) ** 0.5
    middle, reach = (interval.low + interval.high) / 2, (interval.high - interval.low) / 2
    return middle - factor * reach, middle + factor * reach


def compare_dice(rows, **options):
    return compare(rows, ["gan - classic"], endpoint=DICE, outcomes=dice_outcomes, **options)


def test_a_real_valued_outcome_gets_its_paired_difference_and_interval():
    rows = dice_rows(0.1)
    row = compare_dice(rows)["contrasts"].iloc[0]
    expected = crossed_interval(paired(rows))
    assert (row["endpoint"], row["class"]) == DICE
    assert row["difference"] == pytest.approx(paired(rows).mean())
    assert (row["low"], row["high"]) == pytest.approx(widened(expected, LESIONS))
    assert row["df"] == pytest.approx(expected.df)
    assert (row["lesions"], row["patients"], row["replicates"]) == (LESIONS, LESIONS, 6)
    assert row["high"] - row["low"] < 0.05  # what both arms find hard cancels


def test_a_dice_that_few_patients_change_gets_no_interval():
    rows = dice_rows(0)
    alike = rows["lesion_id"] > "l03"
    rows.loc[alike, "dice"] = 0.5
    row = compare_dice(rows)["contrasts"].iloc[0]
    assert row["difference"] != 0
    assert row[["low", "high", "p"]].isna().all()


def test_lesions_of_one_patient_count_as_one():
    rows = dice_rows(0.1, lesions_a_patient=2)
    row = compare_dice(rows)["contrasts"].iloc[0]
    by_patient = paired(rows).reshape(LESIONS // 2, 2, -1).mean(axis=1)
    expected = crossed_interval(by_patient)
    assert (row["low"], row["high"]) == pytest.approx(widened(expected, LESIONS // 2))
    assert row["patients"] == LESIONS // 2


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (0.1, "gain beyond the margin"),
        (-0.1, "loss beyond the margin"),
        (0.0, "no relevant difference"),
    ],
)
def test_the_verdict_follows_the_same_rule(gain, verdict):
    verdicts = compare_dice(dice_rows(gain))["verdicts"]
    assert verdicts.loc[0, "verdict"] == verdict
    words = str(verdict_lines(verdicts)[0])
    assert words.startswith(f"gan − classic (primary): {verdict}. Dice, all: ")
    few = compare_dice(dice_rows(gain, replicates=3))["verdicts"].loc[0]
    assert (few["verdict"], few["reason"]) == ("no verdict", "3 of at least 6 replicates")


def test_endpoints_and_secondary_tests_are_those_of_the_task():
    rows = dice_rows(0.1)
    tables = compare_dice(rows)
    assert list(tables) == ["endpoints", "contrasts", "verdicts", "secondary", "sensitivity"]
    endpoints = tables["endpoints"].set_index("arm")
    assert endpoints.loc["gan", "value"] == pytest.approx(
        rows.loc[rows["arm"] == "gan", "dice"].mean()
    )
    assert endpoints.loc["gan", "method"] == "patients x replicates, t"
    secondary = tables["secondary"]
    assert list(secondary["test"]) == ["corrected resampled t", "sign flip"]  # no right or wrong
    assert secondary["p"].lt(0.05).all()


def test_rows_that_do_not_fit_are_told():
    with pytest.raises(UserError, match="no column fold"):
        compare_dice(dice_rows(0).drop(columns="fold"))
    with pytest.raises(UserError, match="lesion 'l00' stands 0 times in replicate 0"):
        compare_dice(dice_rows(0).iloc[1:])
