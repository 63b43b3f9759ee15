import numpy as np

from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.imaging.positive_control import oracle_images
from augtrial.imaging.roi import extract_context, extract_roi

ROI, CLASSIC = (
    RoiSettings(size=16),
    ClassicSettings(n_rotations=2, n_flips=1, n_translations=1, n_scales=1),
)


def fresh(number=3):
    drawn = draw_lesions(seed=0, stream="oracle-test", classes={"cyst": number, "metastasis": 1})
    return [(f"f{index}", lesion.label, lesion) for index, lesion in enumerate(drawn)]


def images(number, **changes):
    options = {"seed": 1, "replicate": 1, **changes}
    return oracle_images(fresh(), number, ROI, CLASSIC, **options)


def test_rois_come_before_variants_and_every_lesion_takes_its_turn():
    lesions = [found for _, label, found in fresh() if label == "cyst"]
    rois = [extract_roi(extract_context(found, ROI, CLASSIC), 16) for found in lesions]
    made = images(8)
    assert made["cyst"].shape == made["metastasis"].shape == (8, 16, 16)
    np.testing.assert_array_equal(made["cyst"][:3], rois)
    assert not (made["cyst"][3:6] == made["cyst"][:3]).all(axis=(1, 2)).any()


def test_fewer_images_are_the_head_of_more():
    np.testing.assert_array_equal(images(2)["cyst"], images(8)["cyst"][:2])


def test_replicates_differ_in_their_variants_only():
    one, two = images(8)["cyst"], images(8, replicate=2)["cyst"]
    np.testing.assert_array_equal(one[:3], two[:3])
    assert (one[3:] != two[3:]).any()
