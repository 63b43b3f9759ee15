"""Quality against core-seconds: rows, resuming, unseen patients, and the page's answers."""

import numpy as np
import pandas as pd
import pytest
from benchmarks.synthesis import cohorts, measure, page, recipes, run, trainings

from augtrial.config.cohort import ClassicSettings, PhantomSettings, RoiSettings
from augtrial.core.registry import synthesizers

FEW = PhantomSettings(classes={"cyst": 42, "metastasis": 42})


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A tiny phantom of 32x32, points of a fraction of a second."""
    caches = (cohorts.cohort, cohorts.split, measure.judge)
    for cache in caches:
        cache.cache_clear()
    changes = {
        cohorts: {"PHANTOM": FEW},
        measure: {"UPDATES": 5, "LEARNT": 2},
        recipes: {"WIDTHS": (16, 8, 8, 8)},
        trainings: {"WARM_UP": 1},
        run: {
            "VALUES": tmp_path / "docs/synthesis.csv",
            "KEPT": tmp_path / "kept",
            "POINTS": (0.05, 0.1),
            "EARLY": 0.1,
            "SHEETS": (0.1,),
            "SAMPLES": 20,
        },
        page: {"FOLDER": tmp_path / "synthesis", "FIGURE": tmp_path / "synthesis.svg"},
    }
    for module, values in changes.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    phantom = cohorts.cohort("phantom")
    small = cohorts.Cohort(
        "phantom",
        phantom.source,
        cohorts._read(cohorts._phantom_rows(), RoiSettings(size=32), phantom.classic),
        RoiSettings(size=32),
        ClassicSettings(n_rotations=2),
        phantom.classifier,
    )
    for module in (cohorts, trainings, measure, run):
        monkeypatch.setattr(module, "cohort", lambda name: small)
    yield
    for cache in caches:
        cache.cache_clear()


def measured(*words: str) -> pd.DataFrame:
    run.main(["--cohorts", "phantom", "--seeds", "1", "--jobs", "1", "--until", "1", *words])
    return run.rows_of(run.VALUES)


@pytest.mark.usefixtures("tiny")
def test_rows_are_measured_once_and_no_unseen_patient_is_learnt_from(monkeypatch):
    learnt = set[str]()
    for name in ("dcgan", "mixup"):
        kind = synthesizers[name]
        original = kind.training

        def training(data, settings, *, original=original, **options):
            learnt.update(data.lesions)
            return original(data, settings, **options)

        monkeypatch.setattr(kind, "training", training)
    names = ("dcgan", "dcgan-fixed", "mixup")
    rows = measured("--recipes", *names)
    assert list(rows) == run.COLUMNS
    keys = rows.groupby(["recipe", "weights", "point"]).size().to_dict()
    assert keys == {
        ("mixup", "none", 0): 2,
        **{("dcgan-fixed", "raw", point): 2 for point in (0.05, 0.1)},
        **{("dcgan", weights, point): 2 for weights in recipes.BOTH for point in (0.05, 0.1)},
    }
    trained = rows[rows["point"] > 0]
    assert (trained["core_seconds"] >= trained["point"]).all()
    assert (
        rows[["coverage", "coverage, real", "texture KID", "told from unseen"]]
        .notna()
        .all(axis=None)
    )

    parts = cohorts.split("phantom", 1)
    seen, unseen = ({*part.patients} for part in (parts.seen, parts.unseen))
    assert not seen & unseen
    patients = {lesion.rpartition("-")[0] for lesion in learnt}  # of the phantom's lesions
    assert patients == seen

    begun = []
    monkeypatch.setattr(run, "begin", lambda *_, **__: begun.append(1))
    pd.testing.assert_frame_equal(measured("--recipes", *names), rows)
    assert not begun


@pytest.mark.usefixtures("tiny")
def test_a_longer_training_goes_on_from_a_shorter_one_and_other_settings_begin_anew(monkeypatch):
    monkeypatch.setattr(run, "POINTS", (0.05,))
    first = measured("--recipes", "dcgan")
    monkeypatch.setattr(run, "POINTS", (0.05, 0.1))
    begun = []

    def begin(*given, **options):
        begun.append(trainings.begin(*given, **options))
        assert begun[-1].seconds >= 0.05
        return begun[-1]

    monkeypatch.setattr(run, "begin", begin)
    longer = measured("--recipes", "dcgan")
    assert len(begun) == 2
    assert len(longer) == 2 * len(first)
    monkeypatch.setattr(run, "begin", trainings.begin)
    monkeypatch.setattr(recipes, "BATCH", 8)
    assert len(measured("--recipes", "dcgan")) == 2 * len(longer)


@pytest.mark.usefixtures("tiny")
def test_a_flow_ends_at_each_point_and_a_paste_is_refined_by_it(monkeypatch):
    monkeypatch.setattr(run, "SAMPLES", 8)
    monkeypatch.setattr(run, "POINTS", (0.2,))
    monkeypatch.setitem(cohorts.SOURCES, "phantom", cohorts.Source("", "", 40, 2))
    rows = measured("--recipes", "flow", "paste-flow", "acgan")
    assert set(rows["recipe"]) == {"flow", "paste-flow", "acgan"}
    updates = rows.groupby("recipe")["updates"].first()
    assert updates["flow"] == updates["paste-flow"] >= 2
    text = page.text()
    assert "| phantom | a fit DCGAN" in text
    assert page.FIGURE.exists()


def made_up(**changes) -> pd.DataFrame:
    """Return rows of a fit recipe at 60 s and 900 s, with changes of "<recipe> <point>"."""
    real = {"coverage": 0.8, "near-duplicates": 0.1, "class consistency": 0.9}
    real |= {"layout KID": 0.1, "fine detail": 1.0}
    rows = []
    for recipe in ("dcgan", "flow"):
        for point in (60, 900):
            row = dict.fromkeys(run.COLUMNS, 1.0) | {"cohort": "brain", "recipe": recipe}
            row |= {"weights": "averaged", "seed": 1, "point": point, "class": "a", "settings": "x"}
            row |= {m: v for m, v in real.items()} | {f"{m}, real": v for m, v in real.items()}
            rows.append(row | changes.get(f"{recipe}{point}", {}))
    return pd.DataFrame(rows, columns=run.COLUMNS)


def answered(rows: pd.DataFrame) -> list[str]:
    return [answer for _, _, answer, _ in page.answers(rows)]


def test_the_answers_follow_from_the_rows():
    assert answered(made_up()) == ["yes", "yes", "yes"]
    blurred = made_up(dcgan60={"fine detail": 0.1})
    assert answered(blurred) == ["no", "yes", "yes"]
    assert "blurred" in page.answers(blurred)[0][-1]
    repeats = {"near-duplicates": 0.12}
    assert answered(made_up(dcgan900=repeats)) == ["yes", "yes", "yes"]  # the flow is the best
    both = made_up(dcgan900=repeats, flow900={"coverage": 0.6})
    assert answered(both) == ["yes", "yes", "no"]
    assert answered(made_up().query("point < 900"))[-1] == "not measured"
    stale = made_up(dcgan60={"fine detail": 0.1, "settings": "old"})
    assert answered(pd.concat([stale, made_up()])) == ["yes", "yes", "yes"]


def test_images_that_are_told_by_a_feature_have_an_area_of_one():
    chance = np.random.default_rng(0)
    one, other = chance.normal(size=(2, 60, 4))
    cases = np.repeat(np.arange(15), 4).astype(str), np.arange(100, 160).astype(str)
    same = measure.told_across((one, cases[0]), (other, cases[1]), seed=1)
    assert 0.3 < same < 0.7
    assert measure.told_across((one, cases[0]), (other + 5, cases[1]), seed=1) == 1
