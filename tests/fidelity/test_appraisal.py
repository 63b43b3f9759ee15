"""What the appraisal says of synthesizers whose faults are known, on lesions of the phantom."""

import numpy as np
import pandas as pd
import pytest

from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.fidelity.appraisal import MIN_LESIONS, RealLesions, adjust, appraise, summarise
from augtrial.imaging.positive_control import oracle_images
from augtrial.imaging.roi import extract_context, extract_roi

SIDE = 32
ROI = RoiSettings(size=SIDE)
CLASSIC = ClassicSettings(n_rotations=2, n_flips=1, n_translations=1, n_scales=0)
CLASSES = ("cyst", "hemangioma")


class Coarse:
    """Features without a network: the ROI in blocks."""

    name = "coarse features"

    def extract(self, images):
        blocks = images.reshape(len(images), 8, SIDE // 8, 8, SIDE // 8).mean(axis=(2, 4))
        return blocks.reshape(len(images), -1) / 255


def real_lesions(stream, number):
    drawn = list(draw_lesions(seed=0, stream=stream, classes=dict.fromkeys(CLASSES, number)))
    rois = np.stack([extract_roi(extract_context(one, ROI, CLASSIC), SIDE) for one in drawn])
    each = [
        oracle_images([(str(i), one.label, one)], 4, ROI, CLASSIC, seed=0, replicate=1)[one.label]
        for i, one in enumerate(drawn)
    ]
    return RealLesions.from_part(rois, np.stack(each)[:, 1:], [one.label for one in drawn])


@pytest.fixture(scope="module")
def lesions():
    return {
        "training": real_lesions("appraised-training", 24),
        "held_out": real_lesions("appraised-held-out", 14),
        "fresh": real_lesions("appraised-fresh", 40),
    }


def table(lesions, samples, held_out=None):
    """Return the measures by class and name; a nearest-mean classifier predicts the classes."""
    training, held_out = lesions["training"], held_out or lesions["held_out"]
    space = Coarse()
    means = {label: space.extract(training.select(label).rois).mean(axis=0) for label in CLASSES}

    def predict(images):
        gaps = [np.linalg.norm(space.extract(images) - means[label], axis=1) for label in CLASSES]
        return np.take(CLASSES, np.argmin(gaps, axis=0))

    predicted = {f"samples/{label}": predict(images) for label, images in samples.items()}
    predicted["held out"] = predict(held_out.rois)
    rows, pictures = appraise(samples, training, held_out, [space], predicted, seed=1)
    return pd.DataFrame(rows).set_index(["class", "measure"]), pictures


def rois(lesions, name):
    return {label: lesions[name].select(label).rois for label in CLASSES}


def test_fresh_lesions_stand_where_held_out_lesions_do(lesions):
    rows, _ = table(lesions, rois(lesions, "fresh"))
    for label in CLASSES:
        kid = rows.loc[(label, "KID (coarse features)")]
        assert abs(kid["value"] - kid["reference"]) < 0.05
        coverage = rows.loc[(label, "coverage (coarse features)")]
        assert coverage["value"] > 0.5 * coverage["reference"] > 0
        assert rows.loc[(label, "suspected copies"), "p"] > 0.01
        consistency = rows.loc[(label, "class consistency")]
        assert consistency["value"] == pytest.approx(consistency["reference"], abs=0.3)


def test_grain_is_told_from_real_lesions_and_fresh_lesions_are_not(lesions):
    chance, name = np.random.default_rng(0), "told from real (linear, coarse features)"
    fresh = rois(lesions, "fresh")
    grey = {k: chance.integers(0, 256, x.shape).astype(np.uint8) for k, x in fresh.items()}
    (honest, _), (grain, _) = (table(lesions, samples) for samples in (fresh, grey))
    for label in CLASSES:
        assert 0.2 < honest.loc[(label, name), "value"] < 0.8
        assert grain.loc[(label, name), "value"] > 0.85
        assert grain.loc[(label, name), "reference"] == 0.5


def test_a_collapse_shows_in_the_coverage(lesions):
    one = {
        label: np.repeat(images[:1], 40, axis=0) for label, images in rois(lesions, "fresh").items()
    }
    rows, _ = table(lesions, one)
    for label in CLASSES:
        coverage = rows.loc[(label, "coverage (coarse features)")]
        assert coverage["value"] < 0.5 * coverage["reference"]


def test_exchanged_labels_show_in_the_consistency_and_in_training_on_them(lesions):
    fresh = rois(lesions, "fresh")
    rows, _ = table(lesions, dict(zip(CLASSES, reversed(fresh.values()), strict=True)))
    for label in CLASSES:
        row = rows.loc[(label, "class consistency")]
        assert row["value"] < 0.4 < row["reference"]
    trained = rows.loc[("macro", "train on synthetic, test on real (linear, coarse features)")]
    assert trained["value"] < 0.4 < trained["reference"]


def test_copies_show_and_the_closest_pairs_are_they(lesions):
    rows, pictures = table(lesions, rois(lesions, "training"))
    for label in CLASSES:
        assert rows.loc[(label, "suspected copies"), "value"] == 1
        assert rows.loc[(label, "suspected copies"), "p"] < 0.01
        np.testing.assert_array_equal(pictures[f"samples/{label}"], pictures[f"training/{label}"])


def test_too_few_lesions_are_not_estimable(lesions):
    few = lesions["held_out"]
    kept = np.concatenate(
        [np.flatnonzero(few.labels == label)[: MIN_LESIONS - 1] for label in CLASSES]
    )
    few = RealLesions(few.images[kept], few.descriptors[kept], few.labels[kept])
    rows, pictures = table(lesions, rois(lesions, "fresh"), few)
    assert rows.loc[(CLASSES[0], "KID (coarse features)")][["value", "reference"]].isna().all()
    assert rows.loc[(CLASSES[0], "suspected copies")][["value", "p"]].isna().all()
    assert not pictures


def trainings(p, value=0.1, distinct=40.0):
    """Return appraisals of suspected copies, a training a p value."""
    rows = {
        **{"synthesizer": "dcgan", "class": "cyst", "measure": "suspected copies"},
        **{"replicate": range(len(p)), "fold": 1, "value": value, "reference": 0.02, "p": p},
        **{"synthetic": 40, "training": 42, "held_out": 21},
        **{"distinct": distinct, "references": 63, "recognised": 0.8},
    }
    return pd.DataFrame(rows)


def test_p_values_are_adjusted_over_all_trainings_of_a_synthesizer():
    one = trainings([0.004, 0.003, 0.9])
    other = trainings([0.004]).assign(synthesizer="acgan")
    without_p = trainings([np.nan]).assign(measure="density")
    table = adjust(pd.concat([one, other, without_p]))
    np.testing.assert_allclose(table["p_adjusted"], [0.009, 0.009, 0.9, 0.004, np.nan])
    means = summarise(table).set_index(["synthesizer", "measure"])["significant"]
    assert means[:, "suspected copies"].to_dict() == {"dcgan": 2, "acgan": 1}
    assert np.isnan(means["dcgan", "density"])
    alone = adjust(trainings([0.5]))["detectable"].iloc[0]
    assert (table["detectable"].iloc[:3] > alone).all()  # at the strictest level of the three
    assert table["detectable"].iloc[3] == alone


def test_means_count_the_trainings_that_could_be_appraised():
    rows = trainings([0.001, 0.5, np.nan], value=[0.1, 0.3, np.nan], distinct=[40, 1, np.nan])
    row = summarise(adjust(rows.assign(replicate=[1, 1, 2], fold=[1, 2, 1]))).iloc[0]
    assert (row["value"], row["trainings"], row["significant"]) == (pytest.approx(0.2), 2, 1)
    assert (row["replicates"], row["folds"]) == (2, 2)
    assert row["detectable"] == np.inf  # one image tells nothing: half of the trainings
