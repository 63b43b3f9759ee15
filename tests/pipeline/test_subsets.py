"""Nested subsets of the training patients: who is in them, and the tables made of them."""

import pandas as pd
import pytest

import made_up
from augtrial.core.errors import UserError
from augtrial.core.replicate import Replicate
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.study import Study
from augtrial.statistics.curves import subset_tables

CONFIG = {
    "study": "s",
    "replicates": 2,
    "arms": {
        "none": {},
        "classic": {"classic": 600},
        "gan": {"classic": 600, "synthetic": {"dcgan": 40}, "extra_classic": 10},
        "size": {"baseline": "size"},
    },
    "contrasts": ["gan - classic"],
    "subsets": {"fractions": [0.25, 0.5]},
}


def study(**changes) -> Study:
    return Study.from_config({**CONFIG, **changes})


def count(lesions, label) -> int:
    return sum(lesion.label == label for lesion in lesions)


def names(lesions) -> set[str]:
    return {lesion.lesion_id for lesion in lesions}


@pytest.mark.parametrize("split", ["each", "one"])
def test_a_smaller_share_is_nested_in_a_larger_one_and_has_every_class(split):
    own = study(folds={"split": split})
    for number in own.replicates:
        for part in own.folds:
            whole = own.part(number, part)
            quarter = own.part(Replicate(number, 25), part)
            half = own.part(Replicate(number, 50), part)
            assert names(quarter) < names(half) < names(whole)
            kept = {lesion.patient_id for lesion in quarter}
            assert len(kept) == -(-len({lesion.patient_id for lesion in whole}) // 4)
            assert names(quarter) == names(x for x in whole if x.patient_id in kept)
            for label in own.classes:
                share = count(quarter, label) / count(whole, label)
                assert 0.1 < share < 0.5


def test_replicates_draw_other_patients_unless_they_share_a_split():
    each, one = study(), study(folds={"split": "one"})
    assert names(each.part("1-share25", 1)) != names(each.part("2-share25", 1))
    assert names(one.part("1-share25", 1)) == names(one.part("2-share25", 1))


def test_a_shared_synthesizer_has_seen_the_patients_of_the_share_alone():
    shared = study(folds={"split": "one"}, share_synthesizer=True)
    samples = Paths(shared).training_samples("2-share25", 1)
    assert list(samples.values()) == ["dcgan"]
    assert [path.split("/")[2] for path in samples] == ["replicate1-share25"]


def test_sizes_shrink_with_the_patients_and_the_held_out_lesions_do_not():
    own = study()
    sizes = JobParams(own).arm("gan", "1-share25")
    assert (sizes.classic, sizes.extra_classic) == (150, 2)
    assert sizes.synthetic == {"dcgan": 10}
    assert JobParams(own).arm("gan", 1).classic == 600
    paths = Paths(own)
    assert paths.held_out("2-share25", 3) == paths.rois(2, 3)
    assert paths.training_rois("2-share25", 3) == [
        f"results/s/replicate2-share25/part{part}/rois.npz" for part in (1, 2)
    ]


def test_the_arms_of_the_first_contrast_are_trained_unless_others_are_named():
    assert study().settings.subset_arms == ["classic", "gan"]
    assert study(subsets={"fractions": [0.5], "arms": ["none"]}).settings.subset_arms == ["none"]
    assert study(subsets={}).subset_replicates == []


def test_what_cannot_be_is_told():
    with pytest.raises(UserError) as caught:
        study(subsets={"fractions": [0.5, 0.25], "arms": ["clasic", "size"]})
    text = str(caught.value)
    assert "subsets.fractions: give increasing ones" in text
    assert "unknown arm 'clasic'; did you mean 'classic'?" in text
    assert "'size' is a baseline" in text


def test_a_share_whose_lesions_have_too_few_variants_is_told_before_the_run():
    assert fit_problems(study()) == []
    arms = {**CONFIG["arms"], "gan": {"classic": 24000, "extra_classic": 4000}}
    quarter, half, whole = fit_problems(study(arms=arms))
    assert "arms.gan.extra_classic at 25 % of the patients" in quarter
    assert "at 50 % of the patients" in half
    assert "%" not in whole


def test_tables_hold_arms_and_contrasts_by_share():
    whole = made_up.predictions()
    subsets = pd.concat(made_up.predictions(seed=s).assign(share=s) for s in (25, 50))
    subsets = subsets[subsets["arm"] != "none"]
    sizes = {s: {"training_lesions": 0.2 * s, "training_patients": 0.1 * s} for s in (25, 50, 100)}
    tables = subset_tables(subsets, whole, made_up.CONTRASTS, sizes=sizes)
    assert tables["subsets"]["share"].unique().tolist() == [25, 50, 100]
    assert set(tables["subsets"]["arm"]) == {"classic", "classic+dcgan"}
    assert set(tables["subset_contrasts"]["contrast"]) == {"classic+dcgan - classic"}
    row = tables["subsets"].query("share == 50 and arm == 'classic' and endpoint == 'accuracy'")
    right = subsets.query("share == 50 and arm == 'classic'")
    assert row["value"].item() == pytest.approx((right["label"] == right["predicted"]).mean())
    assert row["training_patients"].item() == 5


def test_a_study_without_subsets_has_empty_tables():
    tables = subset_tables(pd.DataFrame(), made_up.predictions(), [], sizes={})
    assert all(table.empty and "share" in table for table in tables.values())
