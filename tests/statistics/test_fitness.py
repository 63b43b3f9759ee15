import math

import numpy as np
import pandas as pd
import pytest

from augtrial.statistics.fitness import fitness_table, unfit_arms, unfit_synthesizers

FIT = {
    "coverage": (0.7, 0.8),
    "near-duplicates": (0.1, 0.1),
    "class consistency": (0.8, 0.9),
    "layout KID": (0.2, -0.1),
    "fine detail": (0.8, 1.0),
}


def rows(trainings, synthesizer="dcgan", label="cyst"):
    """Return a row a training and measure: FIT, changed by what each training says."""
    about = {
        "replicate": 1,
        "synthesizer": synthesizer,
        "class": label,
        "samples": 200,
        "seen": 30,
        "unseen": 12,
    }
    return pd.DataFrame(
        {**about, "fold": fold, "measure": measure, "value": value, "reference": reference}
        for fold, changes in enumerate(trainings, 1)
        for measure, (value, reference) in {**FIT, **changes}.items()
    )


def reason(*trainings):
    return unfit_synthesizers(fitness_table(rows(trainings))).get("dcgan", "")


def test_measures_near_those_of_real_lesions_are_fit():
    table = fitness_table(rows([{}]))
    assert table["fit"].tolist() == [True] * 5
    assert not unfit_synthesizers(table)


@pytest.mark.parametrize(
    ("measure", "value", "told"),
    [
        ("coverage", 0.39, "dcgan does not cover the real lesions (cyst: coverage 39 %, held-out"),
        ("near-duplicates", 0.36, "dcgan repeats its images (cyst: near-duplicates 36 %, held-out"),
        ("class consistency", 0.5, "dcgan mixes up the classes (cyst: class consistency 50 %"),
        ("layout KID", 0.51, "dcgan draws other shapes than the real ones (cyst: layout KID 0.51"),
        ("fine detail", 0.24, "dcgan is blurred (cyst: fine detail 0.24, held-out lesions 1.00)"),
        ("fine detail", 4.1, "dcgan is grainy (cyst: fine detail 4.10, held-out lesions 1.00)"),
    ],
)
def test_each_measure_alone_makes_a_synthesizer_unfit_and_is_named(measure, value, told):
    assert reason({measure: (value, FIT[measure][1])}).startswith(told)


def test_few_kinds_of_images_that_repeat_are_a_collapse():
    faults = {"coverage": (0.05, 0.76), "near-duplicates": (1.0, 0.1)}
    assert reason(faults) == (
        "dcgan collapsed (cyst: coverage 5 %, held-out lesions 76 %; "
        "cyst: near-duplicates 100 %, held-out lesions 10 %)"
    )


def test_the_median_over_the_trainings_decides():
    bad = {"coverage": (0.1, 0.8)}
    assert not reason({}, bad, {})
    assert reason({}, bad, bad)


def test_the_worst_class_is_named():
    tables = [
        rows([{"coverage": (value, 0.8)}], label=label)
        for label, value in (("cyst", 0.3), ("metastasis", 0.1))
    ]
    found = unfit_synthesizers(fitness_table(pd.concat(tables)))
    assert "(metastasis: coverage 10 %" in found["dcgan"]


def test_too_few_lesions_are_no_verdict_either_way():
    nothing = dict.fromkeys(FIT, (math.nan, math.nan))
    table = fitness_table(rows([nothing]).assign(unseen=7))
    assert table["fit"].tolist() == [None] * 5
    assert unfit_synthesizers(table) == {
        "dcgan": "fitness of dcgan not estimable: 7 lesions of a class are left to judge by"
    }


def test_an_arm_is_not_evaluable_with_one_unfit_synthesizer_of_two():
    unfit = {"dcgan": "dcgan is blurred", "acgan": "acgan collapsed"}
    arms = {"classic": [], "both": ["flow", "dcgan"], "flow": ["flow"], "all": ["acgan", "dcgan"]}
    assert unfit_arms(unfit, arms) == {
        "both": "dcgan is blurred",
        "all": "acgan collapsed; dcgan is blurred",
    }


def test_a_training_whose_measures_are_unknown_does_not_count():
    table = fitness_table(rows([{}, {"coverage": (np.nan, np.nan)}]))
    assert table.set_index("measure").loc["coverage", ["value", "trainings"]].tolist() == [0.7, 1]
