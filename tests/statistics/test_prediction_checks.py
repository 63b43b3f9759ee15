import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up
from augtrial.core.errors import UserError
from augtrial.statistics.prediction_checks import require_sound
from augtrial.statistics.predictions import read_predictions

PAIR, OTHER = "classic+dcgan - classic", "classic - none"
SCORES = [f"p_{name}" for name in made_up.PAPER_CLASSES]
SOUND = made_up.predictions()


def changed(rows, **cells):
    """Return the sound predictions with other cells in some rows, a mask or a slice."""
    table = SOUND.astype(object)
    for column, value in cells.items():
        table.loc[rows, column] = value
    return table.infer_objects()


def problems(predictions, *contrasts):
    with pytest.raises(UserError) as caught:
        require_sound(predictions, contrasts or [PAIR])
    return caught.value.problems


def only_problem(predictions, *contrasts):
    (problem,) = problems(predictions, *contrasts)
    return problem


def copied(predictions, source, target):
    """Return the predictions with a replicate in the place of another one."""
    copy = predictions[predictions["replicate"] == source].assign(replicate=target)
    return pd.concat([predictions[predictions["replicate"] != target], copy], ignore_index=True)


def hard(predictions):
    """Return the predictions with answers of 0 and 1 in the place of probabilities."""
    answers = {name: (predictions["predicted"] == name[2:]).astype(float) for name in SCORES}
    return predictions.assign(**answers)


@pytest.mark.parametrize("patients", [True, False])
def test_sound_predictions_pass(patients):
    require_sound(made_up.predictions(patients=patients), [PAIR, OTHER])


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(random):
    order = random.sample(range(len(SOUND)), len(SOUND))
    require_sound(SOUND.iloc[order], [PAIR])
    shuffled = copied(SOUND, 1, 2).iloc[order]
    assert "in the replicates 1, 2" in only_problem(shuffled)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, len(SOUND) - 1))
def test_a_class_that_is_not_the_most_probable_one_is_named_with_its_row(number):
    row = SOUND.iloc[number]
    other = row[SCORES].astype(float).idxmin()[2:]
    told = only_problem(changed(SOUND.index == number, predicted=other))
    where = f"fold {row['fold']}, replicate {row['replicate']}, arm {row['arm']}: "
    assert told.startswith(f"lesion {row['lesion_id']}, {where}predicted is {other!r}")
    assert f"but p_{row['predicted']} is {row[SCORES].max():.6g}" in told


def test_ties_and_rounded_probabilities_pass():
    ties = {"p_cyst": 0.4, "p_metastasis": 0.4 + 9e-7, "p_hemangioma": 0.2}
    require_sound(changed(slice(3), predicted="cyst", **ties), [PAIR])
    ties["p_metastasis"] = 0.4 + 2e-6
    assert "p_metastasis is 0.400002" in problems(changed(slice(3), predicted="cyst", **ties))[0]


@pytest.mark.parametrize("scores", [[0.3, 0.3, 0.3], [0.9, 0.9, 0.95], [0.0, 0.0, 0.0]])
def test_probabilities_that_do_not_add_up_to_1_are_named_with_their_row(scores):
    table = changed([7], predicted="hemangioma")
    table.loc[7, SCORES] = scores
    assert only_problem(table) == (
        f"lesion l7, fold 2, replicate 1, arm none: the probabilities p_<class> add up to "
        f"{sum(scores):.4g}, not to 1: is a class missing? divide the scores of separate networks "
        "by their sum"
    )


def test_probabilities_rounded_to_two_digits_pass():
    table = changed([7], predicted="cyst")
    table.loc[7, SCORES] = [0.35, 0.33, 0.33]
    require_sound(table, [PAIR])


def test_a_class_with_a_word_of_the_tables_is_told():
    names = {"p_cyst": "p_macro"}
    told = only_problem(SOUND.replace("cyst", "macro").rename(columns=names))
    assert told == "class 'macro': the result tables use this word; rename the class"


def test_lesions_of_one_class_only_are_told():
    told = only_problem(SOUND[SOUND["label"] == "cyst"])
    assert told == "all lesions are of one class, 'cyst': at least two classes are needed"


def test_a_kind_of_problem_has_five_examples_and_their_number():
    told = problems(changed(slice(19), **dict(zip(SCORES, (1, 0, 0), strict=True))), PAIR)
    wrong = (SOUND["predicted"].iloc[:20] != "cyst").sum()
    assert len(told) == 6
    assert told[-1] == f"in all {wrong} rows whose predicted class is not the most probable one"


def test_file_and_row_are_those_of_the_file(tmp_path):
    scores = dict(zip(SCORES, (0.0, 0.4, 0.6), strict=True))
    wrong = changed(SOUND.index == 30, predicted="cyst", **scores)
    wrong.iloc[24:].to_csv(tmp_path / "b.csv", index=False)
    SOUND.iloc[:24].to_csv(tmp_path / "a.csv", index=False)
    table = read_predictions([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert f"({tmp_path / 'b.csv'} row 8): predicted is 'cyst'" in only_problem(table)


def test_a_patient_in_two_folds_is_named_with_lesions_and_folds():
    moved = changed((SOUND["lesion_id"] == "l2") & (SOUND["replicate"] == 2), fold=2)
    told = only_problem(moved)
    assert told.startswith("patient 'p1' is in several folds of replicate 2, arm 'none' (")
    assert "(fold 2: lesion l2, fold 1: lesion l3)" in told


def test_other_folds_in_another_replicate_are_no_leak():
    second = SOUND["replicate"] == 2
    require_sound(changed(second, fold=3 - SOUND.loc[second, "fold"]), [PAIR])
    require_sound(SOUND.assign(fold=1), [PAIR])


def test_one_patient_or_one_lesion_has_no_interval():
    one = SOUND.assign(patient_id="p", fold=1)
    assert only_problem(one) == "there is only one patient 'p': an interval needs several patients"
    lesion = SOUND[SOUND["lesion_id"] == "l0"].assign(patient_id=None)
    assert "there is only one lesion 'l0'" in only_problem(lesion)


def test_a_copied_replicate_is_named():
    told = only_problem(copied(made_up.predictions(replicates=3), 1, 3), PAIR)
    assert told.startswith(f"{PAIR}: both arms have the same predictions in the replicates 1, 3: ")


def test_one_arm_in_which_nothing_is_random_passes():
    same = copied(SOUND, 1, 2)
    mixed = pd.concat([SOUND[SOUND["arm"] != "none"], same[same["arm"] == "none"]])
    require_sound(mixed, [PAIR, OTHER])


def test_answers_of_0_and_1_may_agree_by_chance_in_some_replicates_but_not_in_all():
    three = hard(made_up.predictions(replicates=3))
    require_sound(copied(three, 1, 3), [PAIR])
    told = only_problem(copied(copied(three, 1, 3), 1, 2))
    assert "in the replicates 1, 2, 3: " in told
    assert "p_<class> with more digits" in told


def test_two_arms_with_the_same_predictions_compare_nothing():
    twin = SOUND[SOUND["arm"] == "none"].assign(arm="classic")
    twins = pd.concat([SOUND[SOUND["arm"] != "classic"], twin])
    assert only_problem(twins, OTHER) == (
        f"{OTHER}: both arms have the same predictions: nothing is compared"
    )
    require_sound(hard(twins), [OTHER])


@pytest.mark.parametrize(
    ("contrasts", "told"),
    [
        ([PAIR, PAIR], f"contrast {PAIR!r} repeats {PAIR!r}"),
        ([OTHER, "none - classic"], f"contrast 'none - classic' repeats {OTHER!r}"),
        (["classic  -  none", OTHER], f"contrast {OTHER!r} repeats 'classic  -  none'"),
        (["none - none"], "contrast 'none - none' compares nothing: name two different arms"),
        (["none superior to none by margin"], "compares nothing"),
        (["classic superior to none", "classic superior to none by margin"], "repeats"),
    ],
)
def test_contrasts_that_repeat_or_compare_nothing_are_named(contrasts, told):
    assert told in only_problem(SOUND, *contrasts)


def test_another_question_about_the_same_arms_is_no_repetition():
    require_sound(SOUND, [OTHER, "classic non-inferior to none", "none non-inferior to classic"])


def test_patient_ids_of_some_lesions_only_are_named_with_those_that_lack_one():
    told = problems(changed(SOUND["lesion_id"].isin(["l0", "l5"]), patient_id=np.nan))
    assert [line.split(":")[0] for line in told] == [f"arm {arm!r}" for arm in made_up.ARMS]
    assert "patient_id is empty for 2 lesions, and not for the others: lesion l0, les" in told[0]


@pytest.mark.parametrize("name", ["NA", "nan", "None", "unknown", "-", " ", "n/a", "<NA>"])
def test_an_id_that_is_no_patient_is_not_shared_by_lesions(name):
    told = only_problem(changed(SOUND["lesion_id"].isin(["l0", "l9"]), patient_id=name))
    assert told == (
        f"patient_id {name!r}: 2 lesions (l0, l9) would count as one patient; if you do not know "
        "the patients, leave patient_id empty in every row"
    )
    require_sound(changed(SOUND["lesion_id"] == "l0", patient_id=name), [PAIR])
    assert name in only_problem(SOUND.assign(patient_id=name))


def test_a_patient_that_differs_between_arms_names_its_own_lesion_only():
    told = only_problem(
        changed((SOUND["lesion_id"] == "l5") & (SOUND["arm"] == "classic"), patient_id="A")
    )
    assert told == f"{PAIR}: the patient differs between its arms for lesions l5"


def test_all_problems_are_told_at_once():
    table = changed([3], patient_id="p9", p_cyst=17)
    table.loc[4, ["predicted", *SCORES]] = ["cyst", 0.1, 0.5, 0.4]
    table = copied(table, 1, 2)[lambda t: (t["lesion_id"] != "l23") | (t["arm"] == "classic")]
    told = "\n".join(problems(table, PAIR, PAIR, "clasic - none"))
    for words in (
        *("repeats", "no arm 'clasic'; did you mean 'classic'", "p_cyst is '17.0', not a prob"),
        *("lesion l4, fold 1, replicate 1, arm none: predicted", "'p9' is in several folds"),
        "in the replicates 1, 2",
    ):
        assert words in told


def test_arms_that_lack_a_lesion_are_all_named():
    told = problems(SOUND[(SOUND["lesion_id"] != "l3") | (SOUND["replicate"] == 1)])
    missing = "lesion 'l3' stands 0 times in replicate 2; it must stand there once"
    assert told == [f"arm {arm!r}: {missing}" for arm in made_up.ARMS]


def test_tables_without_columns_rows_or_classes_are_told():
    assert "no column predicted" in only_problem(SOUND.drop(columns="predicted"))
    assert "no arm 'classic'" in problems(SOUND.iloc[:0])[1]
    assert "class 'cyst' has no column 'p_cyst'" in problems(SOUND.drop(columns=SCORES))[0]
