"""Fitness as a job: from files to a table, on made-up lesions of bright and dark classes."""

import numpy as np
import pandas as pd
import pytest

from augtrial.core.io import read_table, write_arrays
from augtrial.jobs.fitness import measure_fitness
from augtrial.statistics.fitness import fitness_table, unfit_synthesizers
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.tasks.classification.training import build_classifier
from augtrial.training.checkpoints import save_state

CLASSES, FOLDS, SIZE, EACH, VARIANTS = ["a", "b"], [1, 2, 3], 16, 24, 2
CLASSIFIER = {"kind": "frid_adar", "channels": [4], "hidden_units": 6}
SYNTHESIZERS = ["honest", "collapsed"]
ASIDE = {fold: [f"l{part}-{n}" for part in FOLDS for n in (*range(8), *range(24, 32))]
         for fold in FOLDS}  # fmt: skip


def pictures(draw, label, number):
    """Return lesions of a class: a stripe at any place, along or across."""
    images = draw.normal(90, 4, (number, SIZE, SIZE))
    for image, place in zip(images, draw.integers(1, SIZE - 4, number), strict=True):
        image[(slice(place, place + 3), slice(None))[:: 1 if label == "a" else -1]] += 80
    return images.astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for part in FOLDS:
        draw = np.random.default_rng(part)
        rois = np.concatenate([pictures(draw, label, EACH) for label in CLASSES])
        ids = np.array([f"l{part}-{n}" for n in range(len(rois))])
        labels = np.repeat(CLASSES, EACH)
        write_arrays(tmp_path / f"rois{part}.npz", images=rois, lesion_id=ids, label=labels)
        np.save(tmp_path / f"variants{part}.npy", np.stack([rois, 255 - rois[:, ::-1]], axis=1))
        network = build_classifier(FridAdarSettings(**CLASSIFIER), classes=2, size=SIZE, seed=part)
        state = {f"features/{key}": value for key, value in network.state_dict().items()}
        save_state(tmp_path / f"networks{part}.pt", state)
        for name in SYNTHESIZERS:
            draw = np.random.default_rng(part + 10)
            drawn = {label: pictures(draw, label, 60) for label in CLASSES}
            if name == "collapsed":
                drawn = {
                    label: np.repeat(images[:1], 60, axis=0) for label, images in drawn.items()
                }
            write_arrays(
                tmp_path / f"{name}{part}.npz", **{f"images/{c}": x for c, x in drawn.items()}
            )
    return tmp_path


def measure(folder, **changes):
    options = {
        "replicate": "1",
        "folds": FOLDS,
        "synthesizers": SYNTHESIZERS,
        "classes": CLASSES,
        "without": ASIDE,
        "networks": [folder / f"networks{fold}.pt" for fold in FOLDS],
        "rois": [folder / f"rois{part}.npz" for part in FOLDS],
        "variants": [folder / f"variants{part}.npy" for part in FOLDS],
        "samples": [str(folder / f"{name}{fold}.npz") for fold in FOLDS for name in SYNTHESIZERS],
        "classifier": CLASSIFIER,
        "seed": 5,
    }
    measure_fitness(**{**options, **changes}, table=folder / "fitness.csv")
    return read_table(folder / "fitness.csv")


def test_a_collapsed_synthesizer_is_unfit_and_says_so(folder):
    reasons = unfit_synthesizers(fitness_table(measure(folder)))
    assert reasons["collapsed"].startswith("collapsed collapsed, mixes")
    assert "near-duplicates 100 %" in reasons["collapsed"]


def test_seen_and_unseen_lesions_are_those_of_the_training_parts(folder):
    table = measure(folder)
    assert (table.groupby(["fold", "synthesizer", "class"]).size() == 5).all()
    assert set(table["unseen"]) == {2 * 8}
    assert set(table["seen"]) == {2 * (EACH - 8)}
    assert table["value"].notna().all()
    assert table["reference"].notna().all()


def test_what_a_fold_holds_out_changes_nothing_of_its_fitness(folder):
    before = measure(folder)
    with np.load(folder / "rois2.npz") as arrays:
        changed = {**arrays, "images": 255 - arrays["images"]}
    write_arrays(folder / "rois2.npz", **changed)
    np.save(folder / "variants2.npy", 255 - np.load(folder / "variants2.npy"))
    after = measure(folder)
    own, others = (before["fold"] == 2), (before["fold"] != 2)
    pd.testing.assert_frame_equal(before[own], after[own])
    assert not before[others].equals(after[others])


def test_of_fewer_than_ten_lesions_nothing_is_said_and_no_verdict_is_given(folder):
    few = {fold: [name for name in names if not name.startswith("l1-")][:24] for fold, names in
           ASIDE.items()}  # fmt: skip
    table = measure(folder, without=few)
    assert table.loc[table["unseen"] < 10, "value"].isna().all()
    none = measure(folder, without={fold: ["l1-0"] for fold in FOLDS})
    assert none["value"].isna().all()
    told = unfit_synthesizers(fitness_table(none))["honest"]
    assert told.startswith("fitness of honest not estimable: 0 lesions of a class")


def test_lesions_without_variants_give_their_rois(folder):
    for part in FOLDS:
        np.save(folder / f"variants{part}.npy", np.zeros((2 * EACH, 0, SIZE, SIZE), np.uint8))
    assert measure(folder)["reference"].notna().all()
