"""Appraisal and embedding as jobs: from files to files, on made-up lesions."""

import numpy as np
import pandas as pd
import pytest
import torch

from augtrial.core.io import read_arrays, read_table, write_arrays, write_table
from augtrial.jobs.embedding import embed_lesions
from augtrial.jobs.fidelity import appraise_samples, gather_fidelity
from augtrial.jobs.networks import load_classifier
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.tasks.classification.training import build_classifier
from augtrial.training.checkpoints import save_state

CLASSES, FOLDS, SIZE, EACH, VARIANTS = ["a", "b"], [1, 2, 3], 16, 10, 2
CLASSIFIER = {"kind": "frid_adar", "channels": [4], "hidden_units": 6}


def pictures(draw, label, number):
    """Return lesions of a class: one is bright, the other dark."""
    bright = {"a": 60, "b": 160}[label]
    return draw.integers(bright, bright + 60, (number, SIZE, SIZE)).astype(np.uint8)


def write_part(folder, part):
    """Write the ROIs, variants and table of the lesions that a fold holds out."""
    draw = np.random.default_rng(part)
    rois = np.concatenate([pictures(draw, label, EACH) for label in CLASSES])
    labels, ids = np.repeat(CLASSES, EACH), [f"l{part}-{n}" for n in range(len(rois))]
    write_arrays(folder / f"rois{part}.npz", images=rois, lesion_id=np.array(ids), label=labels)
    np.save(folder / f"variants{part}.npy", np.stack([rois[:, ::-1], rois[:, :, ::-1]], axis=1))
    patients = [f"p{n // 2}" for n in range(len(rois))]
    table = pd.DataFrame({"lesion_id": ids, "patient_id": patients, "label": labels})
    write_table(folder / f"rois{part}.csv", table)


def write_networks(path, names, seed):
    """Write a file of untrained classifiers by name."""
    settings, state = FridAdarSettings(**CLASSIFIER), {}
    for number, name in enumerate(names):
        network = build_classifier(settings, classes=2, size=SIZE, seed=seed + number)
        state |= {f"{name}/{key}": value for key, value in network.state_dict().items()}
    save_state(path, state)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesions")
    for fold in FOLDS:
        write_part(folder, fold)
        write_networks(folder / f"networks{fold}.pt", ["classic", "gan", "gan@10"], seed=fold)
        for name in ("dcgan", "acgan"):
            draw = np.random.default_rng([fold, len(name), name == "dcgan"])
            drawn = {f"images/{label}": pictures(draw, label, 14) for label in CLASSES}
            write_arrays(folder / f"{name}{fold}.npz", **drawn)
    return folder


def test_one_network_of_a_file_is_loaded_by_its_name(folder):
    network = load_classifier(
        folder / "networks2.pt", "gan", CLASSIFIER, classes=CLASSES, size=SIZE
    )
    expected = build_classifier(FridAdarSettings(**CLASSIFIER), classes=2, size=SIZE, seed=3)
    assert torch.equal(network.dense.weight, expected.dense.weight)


def appraise_all(folder, arm="classic", **changes):
    outputs = {"table": folder / "fidelity1.csv", "pairs": folder / "fidelity1.npz"}
    options = {
        "replicate": "1",
        "folds": FOLDS,
        "synthesizers": ["dcgan", "acgan"],
        "classes": CLASSES,
        "arm": arm,
        "networks": [folder / f"networks{fold}.pt" for fold in FOLDS],
        "rois": [folder / f"rois{fold}.npz" for fold in FOLDS],
        "variants": [folder / f"variants{fold}.npy" for fold in FOLDS],
        "samples": [str(folder / f"{n}{fold}.npz") for fold in FOLDS for n in ("dcgan", "acgan")],
        "images": 12,
        "classifier": CLASSIFIER,
        "weights": None,
        "architecture": "resnet18",
        "seed": 5,
    }
    appraise_samples(**{**options, **outputs, **changes})
    return read_table(outputs["table"]), read_arrays([outputs["pairs"]])


def test_every_synthesizer_is_appraised_in_every_fold(folder):
    table, pairs = appraise_all(folder)
    counts = table.groupby(["fold", "synthesizer", "class"]).size()
    assert (counts.unstack("class") == [8, 8, 1]).all(axis=None)  # classes a and b, and macro
    assert (table["replicate"] == 1).all()
    by_class = table[table["class"] != "macro"]
    assert (by_class["training"] == 2 * EACH).all()
    assert (by_class["held_out"] == EACH).all()
    assert by_class["value"].notna().all()
    assert set(by_class.loc[by_class["measure"] == "suspected copies", "synthetic"]) == {12}
    assert "dcgan/samples/a" in pairs
    assert "acgan/training/b" in pairs


def test_the_named_arm_gives_the_features(folder):
    classic, _ = appraise_all(folder)
    again, _ = appraise_all(folder)
    other, _ = appraise_all(folder, arm="gan")
    pd.testing.assert_frame_equal(classic, again)
    kid = classic["measure"].str.startswith("KID")
    assert (classic.loc[kid, "value"] != other.loc[kid, "value"]).all()


def test_appraisals_are_gathered_with_their_means(folder):
    appraise_all(folder)
    outputs = {"table": folder / "all.csv", "means": folder / "means.csv"}
    gather_fidelity([str(folder / "fidelity1.csv")] * 2, **outputs)
    table, means = (read_table(path) for path in outputs.values())
    assert len(table) == 2 * len(read_table(folder / "fidelity1.csv"))
    assert set(table["unit"]) == {"kernel units", "squared feature units", "ratio", "fraction"}
    tested = table["p"].notna()
    assert table["p_adjusted"].notna().equals(tested)
    suspected = table["measure"] == "suspected copies"
    assert table["detectable"].notna().equals(suspected)
    keys = ["synthesizer", "class", "measure"]
    one = table.groupby(keys)["value"].mean()
    np.testing.assert_allclose(means.set_index(keys)["value"].sort_index(), one.sort_index())


def test_a_study_without_synthesizers_has_empty_tables(tmp_path):
    gather_fidelity([], table=tmp_path / "all.csv", means=tmp_path / "means.csv")
    assert {"replicate", "measure", "unit"} <= set(read_table(tmp_path / "all.csv"))
    assert {"synthesizer", "significant"} <= set(read_table(tmp_path / "means.csv"))


def embed(folder, arms):
    outputs = {"points": folder / "points.csv", "accuracies": folder / "accuracies.csv"}
    embed_lesions(
        networks=folder / "networks1.pt",
        arms=arms,
        rois=folder / "rois1.npz",
        variants=folder / "variants1.npy",
        lesions=folder / "rois1.csv",
        max_lesions=6,
        max_variants=9,
        perplexity=5,
        neighbours=3,
        classifier=CLASSIFIER,
        classes=CLASSES,
        seed=1,
        **outputs,
    )
    return read_table(outputs["points"]), read_table(outputs["accuracies"])


def test_lesions_and_their_variants_are_points_of_each_arm(folder):
    points, accuracies = embed(folder, ["classic", "gan"])
    assert points.groupby(["arm", "image"]).size().to_dict() == {
        ("classic", "roi"): 6,
        ("classic", "variant"): 6 * VARIANTS,
        ("gan", "roi"): 6,
        ("gan", "variant"): 6 * VARIANTS,
    }
    labels = read_table(folder / "rois1.csv").set_index("lesion_id")["label"]
    assert (points["label"] == points["lesion_id"].map(labels)).all()
    first, second = (points.loc[points["arm"] == arm, "x"].to_numpy() for arm in ("classic", "gan"))
    assert not np.allclose(first, second)
    assert accuracies["arm"].tolist() == ["classic", "gan"]
    assert accuracies["accuracy"].between(0, 1).all()
    assert (accuracies["lesions"] == 6).all()


def test_without_arms_the_tables_are_empty(folder):
    points, accuracies = embed(folder, [])
    assert points.empty
    assert {"arm", "x", "y"} <= set(points)
    assert accuracies.empty
