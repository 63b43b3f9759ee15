import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from augtrial.core.errors import UserError
from augtrial.statistics.classification import (
    classification_panels,
    panel_outcomes,
    placement_auc,
)
from augtrial.statistics.confusion import confusion_table
from augtrial.statistics.endpoints import endpoint_table

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
    lesions=40,
    patients=15,
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
    lesions=st.integers(6, 40),
    patients=st.integers(2, 30),
    replicates=st.integers(1, 4),
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
            mine = label[inside] == c
            if 0 < mine.sum() < len(mine):
                score = rows[f"p_{c}"].to_numpy()[inside]
                areas[c].append(roc_auc_score(mine, score, sample_weight=weight[inside]))
    areas = [np.mean(a) for a in areas.values() if a]
    if areas:
        found["auc", "macro"] = np.mean(areas)
    return found


@few
@given(studies)
def test_values_and_influences_are_the_endpoints_and_their_derivatives(predictions):
    """The infinitesimal jackknife, by central differences on weighted data."""
    panel = classification_panels(predictions)["a"]
    items = {(i.endpoint, i.category): i for i in panel_outcomes(panel)}
    case_of = dict(zip(panel.lesion_id, panel.case, strict=True))
    for r, (_, rows) in enumerate(predictions.groupby("replicate")):
        case = rows["lesion_id"].map(case_of).to_numpy()
        plain = weighted_endpoints(rows, np.ones(len(rows)))
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
    expected = endpoint_table(predictions)
    expected["class"] = expected["class"].replace(rename)
    found = endpoint_table(other).set_index(KEY).loc[expected.set_index(KEY).index].reset_index()
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
    assert table["value"].to_dict() == {
        ("sensitivity", "x"): 0.5,
        ("sensitivity", "y"): 1.0,
        ("sensitivity", "macro"): 0.75,
        ("sensitivity", "weighted"): 0.75,
        ("specificity", "x"): 1.0,
        ("specificity", "y"): 0.5,
        ("specificity", "macro"): 0.75,
        ("specificity", "weighted"): 0.75,
        ("accuracy", "all"): 0.75,
        ("auc", "macro"): 0.75,
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
    assert (table.groupby(["arm", "replicate"])["count"].sum() == 40).all()
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
    assert table["method"].str.startswith("lesions as patients").all()
    pd.testing.assert_frame_equal(table.drop(columns="method"), named.drop(columns="method"))


def test_lesions_of_one_patient_widen_the_interval():
    predictions = simulate(lesions=60, patients=30, replicates=1)
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
    "a fold for each lesion": simulate(replicates=2).assign(
        fold=lambda p: p.groupby("replicate").cumcount()
    ),
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
    known = table[table["value"].notna()] if len(table) else table
    if name == "no lesion":
        assert table.empty
        assert "method" in table
        return
    assert len(table) == 12
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


def test_folds_without_a_class_are_left_out_of_the_auc_and_counted():
    assert (
        "3 folds x classes not estimable" in row("a fold without a class", "auc", "macro")["method"]
    )
    nowhere = row("a fold for each lesion", "auc", "macro")
    assert np.isnan(nowhere["value"])
    assert nowhere["method"] == "not estimable"


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
        (
            lambda p: p.assign(p_cyst=float("nan")),
            r"not a probability in \[0, 1\], first p_cyst of",
        ),
        (lambda p: p.assign(p_cyst=-5.0), r"first p_cyst of .*: '-5\.0'"),
        (lambda p: p.assign(p_cyst=17.0), r"first p_cyst of .*: '17\.0'"),
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
