import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from augtrial.core.errors import UserError
from augtrial.statistics.classification import (
    MIN_PATIENTS,
    classification_outcomes,
    classification_panels,
    panel_outcomes,
    placement_auc,
)
from augtrial.statistics.confusion import confusion_table
from augtrial.statistics.endpoints import endpoint_table
from augtrial.statistics.intervals import proportion_interval, strata, whole

CLASSES = ("cyst", "metastasis", "hemangioma")
KEY = ["arm", "endpoint", "class"]
NUMBERS = ["value", "sd", "low", "high"]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def simulate(
    seed=0,
    lesions=90,
    patients=60,
    replicates=3,
    folds=3,
    arms=("a",),
    classes=CLASSES,
    skill=0.5,
    ties=False,
):
    """Predictions of a made-up study; every class occurs if there are enough lesions."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(lesions) % len(classes))
    patient = rng.integers(0, patients, lesions)
    frames = []
    for arm in arms:
        for replicate in range(1, replicates + 1):
            score = rng.random((lesions, len(classes)))
            score[np.arange(lesions), label] += skill
            score = np.round(score, 1) + 0.05 if ties else score
            score /= score.sum(axis=1, keepdims=True)
            frame = pd.DataFrame(
                {
                    "lesion_id": [f"l{i:03d}" for i in range(lesions)],
                    "patient_id": [f"p{i}" for i in patient],
                    "fold": (patient + replicate) % folds + 1,
                    "replicate": replicate,
                    "arm": arm,
                    "label": np.take(classes, label),
                    "predicted": np.take(classes, score.argmax(axis=1)),
                }
            )
            frames.append(frame.assign(**{f"p_{c}": score[:, i] for i, c in enumerate(classes)}))
    return pd.concat(frames, ignore_index=True)


studies = st.builds(
    simulate,
    seed=st.integers(0, 10_000),
    lesions=st.integers(6, 90),
    patients=st.sampled_from([2, 15, 60]),
    replicates=st.integers(1, 3),
    folds=st.integers(1, 4),
    skill=st.sampled_from([0.0, 0.3, 2.0]),
    ties=st.booleans(),
)
few = settings(max_examples=25, deadline=None)


def weighted_endpoints(rows: pd.DataFrame, weight: np.ndarray, classes=CLASSES) -> dict:
    """Every endpoint of one replicate with a weight a lesion, straight from the definitions."""
    label, predicted = rows["label"].to_numpy(), rows["predicted"].to_numpy()
    found, occurs, share = {}, [c for c in classes if (label == c).any()], {}
    for c in classes:
        mine = label == c
        share[c] = weight[mine].sum() / weight.sum()
        if mine.any():
            found["sensitivity", c] = np.average(predicted[mine] == c, weights=weight[mine])
        if not mine.all():
            found["specificity", c] = np.average(predicted[~mine] != c, weights=weight[~mine])
    for endpoint in ("sensitivity", "specificity"):
        if all((endpoint, c) in found for c in occurs):
            found[endpoint, "macro"] = np.mean([found[endpoint, c] for c in occurs])
            found[endpoint, "weighted"] = sum(share[c] * found[endpoint, c] for c in occurs)
    found["accuracy", "all"] = np.average(label == predicted, weights=weight)
    areas = {c: [] for c in occurs}
    for fold in np.unique(rows["fold"]):
        inside = (rows["fold"] == fold).to_numpy()
        for c in occurs:
            mine, patient = label[inside] == c, rows["patient_id"].to_numpy()[inside]
            if min(len(set(patient[mine])), len(set(patient[~mine]))) >= MIN_PATIENTS:
                score = rows[f"p_{c}"].to_numpy()[inside]
                areas[c].append(roc_auc_score(mine, score, sample_weight=weight[inside]))
    if all(areas.values()):
        found["auc", "macro"] = np.mean([np.mean(a) for a in areas.values()])
    return found


def owes_an_auc(predictions: pd.DataFrame) -> bool:
    """Whether at least half of the folds have enough patients of each class and of the others."""
    for c in predictions["label"].unique():
        patients = [
            [
                rows.loc[among, "patient_id"].nunique()
                for among in (rows["label"] == c, rows["label"] != c)
            ]
            for _, rows in predictions.groupby(["replicate", "fold"])
        ]
        folds = predictions.groupby(["replicate", "fold"]).ngroups
        if sum(min(sides) >= MIN_PATIENTS for sides in patients) < folds / 2:
            return False
    return True


@few
@given(studies)
@example(simulate(replicates=1, folds=2, ties=True))
def test_values_and_influences_are_the_endpoints_and_their_derivatives(predictions):
    """The infinitesimal jackknife, by central differences on weighted data."""
    panel = classification_panels(predictions)["a"]
    items = {(i.endpoint, i.category): i for i in panel_outcomes(panel)}
    case_of = dict(zip(panel.lesion_id, panel.case, strict=True))
    owed = owes_an_auc(predictions)
    for r, (_, rows) in enumerate(predictions.groupby("replicate")):
        case = rows["lesion_id"].map(case_of).to_numpy()
        plain = weighted_endpoints(rows, np.ones(len(rows)))
        if not owed:
            plain.pop(("auc", "macro"), None)
        for key, item in items.items():
            np.testing.assert_allclose(item.value[r], plain.get(key, np.nan), atol=1e-12)
        step = 1e-5
        for p in {0, panel.cases // 2, panel.cases - 1}:
            up = weighted_endpoints(rows, 1 + step * (case == p))
            down = weighted_endpoints(rows, 1 - step * (case == p))
            for key in plain:
                slope = (up[key] - down[key]) / (2 * step)
                assert items[key].psi[p, r] == pytest.approx(panel.cases * slope, abs=1e-5), key


@few
@given(studies)
def test_influences_average_to_zero_and_samples_to_the_value(predictions):
    panel = classification_panels(predictions)["a"]
    for item in panel_outcomes(panel):
        estimable = np.isfinite(item.value)
        np.testing.assert_allclose(item.psi.mean(axis=0)[estimable], 0, atol=1e-10)
        assert (item.psi[~item.relevant] == 0).all()
        if estimable.any() and item.relevant.any():
            np.testing.assert_allclose(item.sample().mean(axis=0), item.value[estimable])


@few
@given(studies)
def test_weighted_sensitivity_is_accuracy(predictions):
    table = endpoint_table(predictions).set_index(["endpoint", "class"])
    weighted = table.loc[("sensitivity", "weighted"), NUMBERS].astype(float)
    accuracy = table.loc[("accuracy", "all"), NUMBERS].astype(float)
    np.testing.assert_allclose(weighted, accuracy, atol=1e-10)


@few
@given(studies, st.integers(0, 100))
def test_order_and_names_of_lesions_change_nothing(predictions, seed):
    rng = np.random.default_rng(seed)
    shuffled = predictions.sample(frac=1, random_state=seed)
    names = predictions["lesion_id"].unique()
    renamed = dict(zip(names, rng.permutation(names), strict=True))
    shuffled["lesion_id"] = shuffled["lesion_id"].map(renamed)
    one, other = endpoint_table(predictions), endpoint_table(shuffled)
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@few
@given(studies, st.permutations(CLASSES))
def test_other_names_for_the_classes_only_rename_the_rows(predictions, names):
    rename = dict(zip(CLASSES, names, strict=True))
    other = predictions.rename(columns={f"p_{c}": f"p_{n}" for c, n in rename.items()})
    other = other.assign(
        label=predictions["label"].map(rename), predicted=predictions["predicted"].map(rename)
    )
    expected = endpoint_table(predictions).drop(columns="method")  # may name a class
    expected["class"] = expected["class"].replace(rename)
    found = endpoint_table(other).set_index(KEY).loc[expected.set_index(KEY).index].reset_index()
    found = found.drop(columns="method")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


@few
@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: 0 < sum(positive for _, positive in rows) < len(rows)
    )
)
def test_placement_auc_is_sklearns(rows):
    score, positive = (np.array(column) for column in zip(*rows, strict=True))
    area, slope = placement_auc(score.astype(float), positive)
    assert area == pytest.approx(roc_auc_score(positive, score))
    assert slope.sum() == pytest.approx(0, abs=1e-12)


def test_value_is_the_mean_of_the_replicates_and_not_of_averaged_probabilities():
    predictions = simulate(replicates=4)
    found = endpoint_table(predictions).set_index(["endpoint", "class"])
    each = [
        weighted_endpoints(rows, np.ones(len(rows))) for _, rows in predictions.groupby("replicate")
    ]
    for key in each[0]:
        values = [one[key] for one in each]
        assert found.loc[key, "value"] == pytest.approx(np.mean(values))
        assert found.loc[key, "sd"] == pytest.approx(np.std(values, ddof=1))


def test_known_truth():
    """Two patients right, one wrong; every number by hand."""
    predictions = pd.DataFrame(
        {
            "lesion_id": ["1", "2", "3", "4"],
            "patient_id": ["A", "B", "C", "C"],
            "fold": 1,
            "replicate": 1,
            "arm": "a",
            "label": ["x", "x", "y", "y"],
            "predicted": ["x", "y", "y", "y"],
            "p_x": [0.9, 0.2, 0.1, 0.3],
            "p_y": [0.1, 0.8, 0.9, 0.7],
        }
    )
    table = endpoint_table(predictions).set_index(["endpoint", "class"])
    assert table["value"].dropna().to_dict() == {
        ("sensitivity", "x"): 0.5,
        ("sensitivity", "y"): 1.0,
        ("sensitivity", "macro"): 0.75,
        ("sensitivity", "weighted"): 0.75,
        ("specificity", "x"): 1.0,
        ("specificity", "y"): 0.5,
        ("specificity", "macro"): 0.75,
        ("specificity", "weighted"): 0.75,
        ("accuracy", "all"): 0.75,
    }
    assert table.loc[("sensitivity", "y"), ["lesions", "patients"]].tolist() == [2, 1]
    assert table.loc[("accuracy", "all"), ["lesions", "patients"]].tolist() == [4, 3]
    assert table["sd"].isna().all()


def test_confusion_counts_are_complete_and_add_up():
    predictions = simulate(arms=("a", "b"), replicates=2)
    table = confusion_table(predictions)
    assert list(table)[:5] == ["arm", "replicate", "label", "predicted", "count"]
    assert list(table)[5:] == ["unit", "folds", "lesions", "patients"]
    assert len(table) == 2 * 2 * 3 * 3
    assert (table.groupby(["arm", "replicate"])["count"].sum() == 90).all()
    one = table.query("arm == 'b' and replicate == 2 and label == 'cyst'")
    cysts = predictions.query("arm == 'b' and replicate == 2 and label == 'cyst'")
    expected = cysts["predicted"].value_counts().reindex(CLASSES, fill_value=0)
    assert one.set_index("predicted")["count"].to_dict() == expected.to_dict()


@pytest.mark.parametrize("nothing", ["", None, float("nan")])
def test_without_patient_ids_each_lesion_is_a_case(nothing):
    predictions = simulate().assign(patient_id=nothing)
    table = endpoint_table(predictions)
    named = endpoint_table(predictions.assign(patient_id=predictions["lesion_id"]))
    assert (table["patients"] == table["lesions"]).all()
    words = "lesions as patients x replicates, t; too narrow if patients have several"
    assert table["method"].str.startswith(words).all()
    pd.testing.assert_frame_equal(table.drop(columns="method"), named.drop(columns="method"))


def test_the_method_of_a_single_test_set_says_so():
    one = endpoint_table(simulate().assign(fold=lambda p: p["replicate"]))
    assert (one["folds"] == 1).all()  # by replicate, whatever the folds are called
    said = one["method"].str.contains(", one test set: one network a replicate")
    assert said[one["low"].notna()].all()
    assert said.any()
    assert not endpoint_table(simulate())["method"].str.contains("one test set").any()


def test_lesions_of_one_patient_widen_the_interval():
    predictions = simulate(lesions=60)
    doubled = pd.concat(
        [predictions, predictions.assign(lesion_id="copy " + predictions["lesion_id"])]
    )
    one, two = endpoint_table(predictions), endpoint_table(doubled)
    np.testing.assert_allclose(one[["value", "low", "high"]], two[["value", "low", "high"]])


def one_class_only(p):
    certain = {f"p_{c}": float(c == "cyst") for c in CLASSES}
    return p.assign(predicted="cyst", **certain)


DEGENERATE = {
    "one replicate": simulate(replicates=1),
    "two replicates": simulate(replicates=2),
    "two folds": simulate(folds=2),
    "a class of three lesions": simulate().query("label != 'cyst' or lesion_id < 'l009'"),
    "a class of one lesion": simulate(lesions=4),
    "one class predicted": one_class_only(simulate()),
    "equal probabilities": simulate().assign(**{f"p_{c}": 1 / 3 for c in CLASSES}),
    "a class that never occurs": simulate().query("label != 'cyst'"),
    "a cohort of one class": simulate().query("label == 'cyst'"),
    "a fold without a class": simulate().assign(
        fold=lambda p: np.where((p["label"] == "cyst") & (p["fold"] == 1), 2, p["fold"])
    ),
    "a fold for each lesion": simulate().assign(fold=lambda p: p.groupby("replicate").cumcount()),
    "one patient": simulate().assign(patient_id="p"),
    "one lesion": simulate(lesions=1),
    "all right": simulate(skill=9.0),
    "no lesion": simulate().iloc[:0],
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_studies_are_answered(name):
    predictions = DEGENERATE[name]
    table = endpoint_table(predictions)
    confusion_table(predictions)
    if name == "no lesion":
        assert table.empty
        assert "method" in table
        return
    assert len(table) == 12
    without = table["method"].str.contains("no interval|not estimable")
    assert (table["low"].isna() == without).all()
    assert (table["value"].isna() == table["method"].str.contains("not estimable")).all()
    known = table[~without]
    assert (known["low"] <= known["value"] + 1e-9).all()
    assert (known["value"] <= known["high"] + 1e-9).all()
    assert known["low"].ge(0).all()
    assert known["high"].le(1).all()
    assert (known["low"] < known["high"]).all()


def row(name, endpoint, category):
    table = endpoint_table(DEGENERATE[name]).set_index(["endpoint", "class"])
    return table.loc[(endpoint, category)]


def test_a_class_that_never_occurs_has_no_sensitivity_and_no_part_in_macro():
    name = "a class that never occurs"
    missing = row(name, "sensitivity", "cyst")
    assert np.isnan(missing["value"])
    assert (missing["replicates"], missing["lesions"], missing["method"]) == (
        0,
        0,
        "not estimable",
    )
    assert row(name, "specificity", "cyst")["lesions"] == row(name, "accuracy", "all")["lesions"]
    each = [row(name, "sensitivity", c)["value"] for c in CLASSES[1:]]
    assert row(name, "sensitivity", "macro")["value"] == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    ("name", "category", "words"),
    [
        ("one replicate", "macro", "no interval from 1 replicate"),
        ("two replicates", "macro", "no interval from 2 replicates"),
        ("one patient", "macro", "no interval from 1 patient"),
        ("a class of one lesion", "macro", "no interval from a class of 1 patient"),
        ("a class of one lesion", "metastasis", "no interval from 1 patient"),
        ("a class that never occurs", "cyst", "not estimable"),
    ],
)
def test_what_has_no_interval_says_why(name, category, words):
    found = row(name, "sensitivity", category)
    assert found["method"] == words
    assert found[["low", "high"]].isna().all()
    assert np.isnan(found["value"]) == (words == "not estimable")


def test_folds_with_few_patients_of_a_class_are_left_out_of_the_auc_and_said():
    found = row("a fold without a class", "auc", "macro")  # 3 of 9, and one with four patients
    few = "of the folds have fewer than 5 patients of cyst or of the others"
    assert found["method"] == f"patients x replicates, t; 44 % {few}"
    assert found["low"] < found["value"] < found["high"]
    nowhere = row("a fold for each lesion", "auc", "macro")
    assert np.isnan(nowhere["value"])
    assert nowhere["method"] == f"not estimable; 100 % {few}"


def test_an_auc_needs_patients_and_not_lesions():
    """Four patients with many lesions of a class are four."""
    one_fold = simulate().assign(fold=1)
    few = one_fold.assign(
        patient_id=one_fold["patient_id"].where(
            one_fold["label"] != "cyst",
            "c" + (one_fold["lesion_id"].str[1:].astype(int) % 4).astype(str),
        )
    )
    auc = [endpoint_table(p).set_index("endpoint").loc["auc", "value"] for p in (one_fold, few)]
    assert np.isfinite(auc).tolist() == [True, False]


@pytest.mark.parametrize(("folds", "share"), [(1, 0), (2, 1), (3, 0.5), (6, 0.2)])
def test_patients_who_train_each_others_networks_widen_an_arms_interval(folds, share):
    predictions = simulate(folds=folds)
    (arm,) = classification_outcomes(predictions).values()
    factor = 1 + share * (1 + 40 / arm.panel.cases)
    assert arm.panel.shared_training == pytest.approx(factor)
    accuracy = arm.outcome(("accuracy", "all"))
    parts = whole(arm.panel.cases, factor)
    expected, _ = proportion_interval(accuracy.sample(), accuracy.trials, parts=parts)
    found = endpoint_table(predictions).set_index("endpoint").loc["accuracy", ["low", "high"]]
    assert found.tolist() == pytest.approx([expected.low, expected.high])


def test_a_macro_mean_is_worth_less_where_a_class_is_rare():
    rare = simulate().query("label != 'cyst' or lesion_id < 'l009'").assign(patient_id="")
    (arm,) = classification_outcomes(rare).values()
    number = arm.panel.label.size
    cysts = int((arm.panel.label == 0).sum())
    macro = arm.outcome(("sensitivity", "macro"))
    sizes = np.bincount(arm.panel.label)
    assert macro.parts == strata(sizes, sizes)
    assert macro.trials == 3 * cysts < number
    assert arm.outcome(("accuracy", "all")).trials == number
    assert arm.outcome(("specificity", "macro")).trials > macro.trials


def test_equal_probabilities_have_an_auc_of_one_half():
    assert row("equal probabilities", "auc", "macro")["value"] == 0.5


def test_all_right_leaves_room_for_error():
    macro = row("all right", "sensitivity", "macro")
    assert macro["value"] == macro["high"] == 1
    assert 0.6 < macro["low"] < 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.drop(columns="fold"), "no column fold"),
        (lambda p: p.assign(label="cist"), "'p_cist'"),
        (lambda p: p.assign(p_cyst=float("nan")), "p_cyst is 'nan', not a probability"),
        (
            lambda p: p.assign(p_cyst=-5.0),
            r"lesion l000, fold ., replicate 1, arm a: p_cyst is '-5\.0'",
        ),
        (lambda p: p.assign(p_cyst=17.0), r"in all \d+ values of p_<class> are no probabilities"),
        (lambda p: p.iloc[1:], "lesion 'l000' stands 0 times in replicate 1"),
        (lambda p: pd.concat([p, p.iloc[:1]]), "lesion 'l000' stands 2 times in replicate 1"),
        (
            lambda p: p.assign(label=np.where(p.index == 0, "metastasis", "cyst")),
            "lesion 'l000' has 2 different values of label",
        ),
    ],
)
def test_predictions_that_do_not_fit_are_told(change, words):
    with pytest.raises(UserError, match=words):
        endpoint_table(change(simulate()))
