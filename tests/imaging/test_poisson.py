"""Poisson blending: what is left of either picture, and what happens at the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from augtrial.imaging.poisson import blend, misfit

SHAPE = (9, 12)
pictures = arrays(np.uint8, SHAPE)
moderate = arrays(np.uint8, SHAPE, elements=st.integers(60, 190))
regions = arrays(bool, SHAPE)
few = limits(max_examples=50)


def block(rows: slice, columns: slice) -> np.ndarray:
    region = np.zeros(SHAPE, bool)
    region[rows, columns] = True
    return region


@few
@given(picture=pictures, region=regions)
def test_a_picture_blended_into_itself_is_itself(picture, region):
    np.testing.assert_array_equal(blend(picture, picture, region), picture)


@few
@given(source=pictures, background=pictures, region=regions)
def test_nothing_changes_outside_the_region(source, background, region):
    blended = blend(source, background, region)
    np.testing.assert_array_equal(blended[~region], background[~region])


@few
@given(source=moderate, background=moderate, region=regions, offset=st.integers(-60, 60))
def test_an_offset_of_the_source_vanishes(source, background, region, offset):
    lifted = (source.astype(int) + offset).astype(np.uint8)
    levels = blend(lifted, background, region).astype(int) - blend(source, background, region)
    assert np.abs(levels).max() <= 1  # where a value lies between two levels


@few
@given(level=st.integers(0, 255), background=pictures, region=regions)
def test_a_flat_source_stays_between_the_values_around_it(level, background, region):
    blended = blend(np.full(SHAPE, level, np.uint8), background, region)
    outside = background[~region]
    if outside.size:
        assert outside.min() <= blended.min()
        assert blended.max() <= outside.max()


def test_a_gradient_of_the_background_goes_on_through_a_flat_source():
    ramp = np.broadcast_to(np.arange(12, dtype=np.uint8) * 10, SHAPE)
    inner = block(slice(2, 7), slice(3, 9))
    np.testing.assert_array_equal(blend(np.full(SHAPE, 9, np.uint8), ramp, inner), ramp)


@pytest.mark.parametrize("columns", [slice(0, 6), slice(4, 12)])
def test_a_region_at_the_edge_takes_the_sources_slope_across_it(columns):
    """Half a picture at three edges: one level around it, so that the source is shifted alone."""
    region = block(slice(0, 9), columns)
    source = np.full(SHAPE, 80, np.uint8)
    source[3:6, columns.start + 2 : columns.stop - 2] = 120
    blended = blend(source, np.full(SHAPE, 30, np.uint8), region)
    np.testing.assert_array_equal(blended, np.where(source == 120, 70, 30))


def test_a_region_that_covers_all_has_the_source_with_the_backgrounds_mean():
    source, background = np.random.default_rng(0).integers(90, 160, (2, *SHAPE)).astype(np.uint8)
    blended = blend(source, background, np.ones(SHAPE, bool))
    assert blended.mean() == pytest.approx(background.mean(), abs=0.5)
    assert np.ptp(blended.astype(int) - source) <= 1


def test_values_beyond_the_range_are_cut_off():
    source = np.full(SHAPE, 10, np.uint8)
    source[4, 5] = 200
    blended = blend(source, np.full(SHAPE, 180, np.uint8), block(slice(2, 7), slice(3, 9)))
    assert blended[4, 5] == 255


def test_the_misfit_is_how_far_the_pictures_differ_around_the_region_alone():
    source, background = np.full(SHAPE, 50, np.uint8), np.full(SHAPE, 47, np.uint8)
    region = block(slice(2, 7), slice(3, 9))
    background[region] = 255
    background[0] = 255
    assert misfit(source, background, region) == 3
    assert misfit(source, background, np.ones(SHAPE, bool)) == np.inf
