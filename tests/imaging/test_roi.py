import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augtrial.cohort import readers
from augtrial.cohort.phantom.cohort import write_cohort
from augtrial.cohort.readers import LesionSlice, lesion_slice
from augtrial.cohort.table import read_table
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.imaging import roi
from augtrial.imaging.context import largest_shift
from augtrial.imaging.resampler import CropFrame, outside_pixels, resample
from conftest import disc_slice

ROI, CLASSIC = RoiSettings(), ClassicSettings()


def test_the_diameter_of_a_disc_is_that_of_its_area(disc):
    assert readers.measure_diameter(disc) == pytest.approx(24, rel=0.02)


def test_the_diameter_of_a_box_is_its_longer_side(disc):
    boxed = dataclasses.replace(disc, mask=None, box=(10, 20, 40, 32))
    assert readers.measure_diameter(boxed) == 30


def test_the_frame_has_the_margin_on_each_side_and_its_centre_on_the_lesion(disc):
    frame = roi.place_frame(disc, ROI, CLASSIC)
    assert (frame.x, frame.y) == (70, 55)
    assert frame.side == pytest.approx(1.58 * readers.measure_diameter(disc))


def test_a_box_is_centred_in_pixel_edges(disc):
    boxed = dataclasses.replace(disc, mask=None, box=(0, 0, 10, 10))
    frame = roi.place_frame(boxed, ROI, CLASSIC)
    assert (frame.x, frame.y) == (4.5, 4.5)


@settings(max_examples=40)
@given(
    length=st.integers(6, 60),
    width=st.integers(3, 10),
    angle=st.floats(0, 180),
    shift=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_the_frame_contains_every_lesion_however_long_rotated_or_shifted(
    length, width, angle, shift
):
    mask = np.zeros((100, 100), bool)
    mask[50 - width // 2 : 50 + width // 2 + 1, 50 - length // 2 : 50 + length // 2 + 1] = True
    lesion = LesionSlice(mask.astype(np.float32) * 100, mask, None, 1.0, None)
    base = roi.place_frame(lesion, RoiSettings(margin=0), CLASSIC)
    p = largest_shift(readers.measure_diameter(lesion), CLASSIC)
    frame = dataclasses.replace(
        base, angle=angle, translate_x=shift[0] * p, translate_y=shift[1] * p
    )
    inverse = np.linalg.inv(np.vstack([frame.matrix(64), [0, 0, 1]]))
    rows, columns = np.nonzero(mask)
    places = inverse @ np.stack([columns, rows, np.ones_like(rows)])
    assert places[:2].min() >= -0.5
    assert places[:2].max() <= 63.5


def test_the_context_gives_what_the_full_slice_gives():
    lesion = disc_slice(noise=15)
    context = roi.extract_context(lesion, ROI, CLASSIC)
    windowed = np.clip((lesion.pixels + 160) / 400, 0, 1).astype(np.float32)
    widest = dataclasses.replace(
        context.frame,
        side=context.frame.side + 2 * 0.4 * context.diameter,
        angle=33.0,
        translate_x=4.0,
    )
    from_slice = resample(windowed, context.in_slice(widest), 64)
    np.testing.assert_allclose(resample(context.pixels, widest, 64), from_slice, atol=1e-3)


def test_hu_at_the_ends_of_the_window_become_0_and_255():
    lesion = disc_slice(inside=-300, outside=400)
    image = roi.extract_roi(roi.extract_context(lesion, ROI, CLASSIC), 64)
    assert image[32, 32] == 0
    assert image[0, 0] == 255


def test_a_frame_that_is_reduced_does_not_alias():
    stripes = np.tile(np.array([0, 1], np.float32), (256, 128))
    shrunk = resample(stripes, CropFrame(127.5, 127.5, 256.0), 32)
    assert np.abs(shrunk[4:-4, 4:-4] - 0.5).max() < 0.02


def test_a_frame_of_the_rois_size_copies_the_pixels():
    pixels = np.random.default_rng(0).random((80, 90), dtype=np.float32)
    np.testing.assert_allclose(
        resample(pixels, CropFrame(41.5, 35.5, 32.0), 32), pixels[20:52, 26:58], atol=1e-6
    )


def test_a_frame_in_the_corner_of_the_picture_is_resampled_as_well():
    pixels = np.random.default_rng(0).random((80, 90), dtype=np.float32)
    corner = resample(pixels, CropFrame(15.5, 15.5, 32.0), 32)
    assert corner.shape == (32, 32)
    np.testing.assert_allclose(corner, pixels[:32, :32], atol=1e-2)


def test_outside_the_picture_its_nearest_value_goes_on_and_is_counted():
    pixels = np.full((40, 40), 0.25, np.float32)
    pixels[:, 0] = 1
    frame = CropFrame(-0.5, 19.5, 20.0)
    assert outside_pixels([frame], 20, pixels.shape).tolist() == [200]
    np.testing.assert_allclose(resample(pixels, frame, 20)[:, :8], 1, atol=1e-6)


def test_a_quarter_turn_is_counter_clockwise():
    pixels = np.zeros((33, 33), np.float32)
    pixels[16, 26] = 1  # to the right of the centre
    turned = resample(pixels, CropFrame(16, 16, 33.0, angle=90), 33)
    assert np.unravel_index(turned.argmax(), turned.shape) == (6, 16)  # above it


def test_measurements_of_a_known_disc(disc):
    context = roi.extract_context(disc, ROI, CLASSIC)
    row = roi.measurements(disc, context, 64)
    assert row["mean"] == 20
    assert row["sd"] == 0
    assert row["surroundings_mean"] == 110
    assert row["diameter_mm"] == pytest.approx(0.8 * row["diameter_px"])
    assert row["outside_pixels"] == 0


def test_the_built_in_cohort_gives_rois_of_its_lesions(tmp_path):
    write_cohort(tmp_path, seed=3, classes={"cyst": 2, "metastasis": 1, "hemangioma": 1})
    for lesion in read_table(tmp_path / "lesions.csv").lesions:
        found = lesion_slice(lesion)
        context = roi.extract_context(found, ROI, CLASSIC)
        row = roi.measurements(found, context, 64)
        assert 9.5 <= row["diameter_mm"] <= 103  # pixels count whole or not at all
        assert roi.extract_roi(context, 64).std() > 3
        if lesion.label == "cyst":
            assert -150 < row["mean"] - row["surroundings_mean"] < -20
