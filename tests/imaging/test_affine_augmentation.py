from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.imaging import affine_augmentation, roi
from augtrial.imaging.affine_augmentation import Variant
from augtrial.imaging.transforms import apply_transforms, build_transforms
from conftest import disc_slice


@pytest.fixture(scope="module")
def context():
    return roi.extract_context(disc_slice(noise=20), RoiSettings(), ClassicSettings())


@given(
    st.integers(1, 6), st.integers(0, 3), st.integers(0, 4), st.integers(0, 4), st.floats(4, 150)
)
def test_there_are_exactly_n_variants(rotations, flips, translations, scales, diameter):
    settings = ClassicSettings(
        n_rotations=rotations,
        n_flips=flips,
        n_translations=translations,
        n_scales=scales,
    )
    variants = affine_augmentation.sample_variants(diameter, settings, seeds.generator(1, "x"))
    assert len(variants) == settings.number == rotations * (1 + flips + translations + scales)
    kinds = Counter(variant.kind for variant in variants)
    assert kinds["rotation"] == rotations
    assert kinds["flip"] == rotations * flips
    assert kinds["translation"] == rotations * translations
    assert kinds["scale"] == rotations * scales


@given(st.floats(4, 150))
def test_every_parameter_stays_in_the_papers_range(diameter):
    p = min(4, 0.1 * diameter)
    for variant in affine_augmentation.sample_variants(
        diameter, ClassicSettings(), seeds.generator(2, "x")
    ):
        assert 0 <= variant.angle <= 180
        assert max(abs(variant.translate_x), abs(variant.translate_y)) <= p
        if variant.kind == "scale":
            assert 0.1 * diameter <= variant.margin <= 0.4 * diameter
        else:
            assert variant.margin == 0


def test_flips_translations_and_scales_are_never_chained():
    for variant in affine_augmentation.sample_variants(
        40, ClassicSettings(), seeds.generator(3, "x")
    ):
        changed = [
            variant.flip_x or variant.flip_y,
            bool(variant.translate_x or variant.translate_y),
            bool(variant.margin),
        ]
        assert sum(changed) == (variant.kind != "rotation")


def test_the_identity_variant_is_the_roi(context):
    identity = affine_augmentation.apply_variant(context, Variant("rotation", 0.0), 64)
    np.testing.assert_array_equal(identity, roi.extract_roi(context, 64))


def test_flips_mirror_the_roi(context):
    image = roi.extract_roi(context, 64).astype(int)
    for (flip_x, flip_y), axes in zip(affine_augmentation.FLIPS, [(0,), (1,), (0, 1)], strict=True):
        flipped = affine_augmentation.apply_variant(
            context, Variant("flip", 0.0, flip_x, flip_y), 64
        )
        assert np.abs(flipped.astype(int) - np.flip(image, axes)).max() <= 1


def test_more_margin_shows_more_tissue(context):
    near = affine_augmentation.apply_variant(context, Variant("rotation", 0.0), 64)
    far = affine_augmentation.apply_variant(
        context, Variant("scale", 0.0, margin=0.4 * context.diameter), 64
    )
    dark = 144  # of 255: half way from the disc's 20 HU to the 110 HU around it
    share = (far < dark).mean() / (near < dark).mean()
    assert share == pytest.approx((1.58 / 2.38) ** 2, rel=0.1)


def test_corners_of_rotated_variants_show_the_neighbouring_tissue():
    lesion = disc_slice(shape=(200, 200), centre=(100.0, 100.0))
    lesion.pixels[:80] = 200  # other tissue beyond the base frame's upper edge
    context = roi.extract_context(lesion, RoiSettings(), ClassicSettings())
    assert roi.extract_roi(context, 64).max() < 190
    turned = affine_augmentation.apply_variant(context, Variant("rotation", 45.0), 64)
    assert turned.max() > 220


def test_a_variant_can_be_replayed_from_its_row(context):
    variants = affine_augmentation.sample_variants(
        context.diameter, ClassicSettings(), seeds.generator(4, "x")
    )
    rows = list(affine_augmentation.variant_rows(context, variants, 64))
    for variant, row in zip(variants[:20], rows, strict=False):
        values = {key: row[key] for key in Variant.__dataclass_fields__}
        again = affine_augmentation.apply_variant(context, Variant(**values), 64)
        np.testing.assert_array_equal(
            again, affine_augmentation.apply_variant(context, variant, 64)
        )


def test_the_first_few_variants_do_not_share_one_rotation():
    variants = affine_augmentation.sample_variants(40, ClassicSettings(), seeds.generator(5, "x"))
    assert len({variant.angle for variant in variants[:16]}) > 8


def test_a_users_transform_is_applied_by_name_and_from_its_seed(context):
    images = np.stack([roi.extract_roi(context, 64)] * 3)
    pipeline = build_transforms(
        ["VerticalFlip", {"GaussNoise": {"std_range": [0.1, 0.1], "p": 1.0}}]
    )
    first, second = (apply_transforms(pipeline, images, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, apply_transforms(pipeline, images, seed=8))
    assert first.dtype == np.uint8
    assert not np.array_equal(first, images)


def test_unknown_transforms_and_arguments_are_reported_together_with_the_nearest():
    with pytest.raises(UserError) as caught:
        build_transforms(["GausNoise", {"VerticalFlip": {"prob": 1}}])
    assert len(caught.value.problems) == 2
    assert "'GaussNoise'" in caught.value.problems[0]
    assert "prob" in caught.value.problems[1]


def test_single_variants_come_in_the_kinds_and_ranges_of_the_stored_ones():
    settings = ClassicSettings(n_rotations=2000, n_flips=3, n_translations=7, n_scales=5)
    stored = affine_augmentation.sample_variants(30.0, settings, np.random.default_rng(0))
    draw = np.random.default_rng(1)
    single = [affine_augmentation.sample_variant(30.0, settings, draw) for _ in range(4000)]
    for kind, number in (("rotation", 1), ("flip", 3), ("translation", 7), ("scale", 5)):
        share = np.mean([variant.kind == kind for variant in single])
        assert share == pytest.approx(number / 16, abs=0.03)
    for name in ("angle", "translate_x", "translate_y", "margin"):
        ours, theirs = ([getattr(v, name) for v in group] for group in (single, stored))
        assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.05 * (1 + np.ptp(theirs)))
        assert min(ours) >= min(theirs) - 0.01 * np.ptp(theirs)
        assert max(ours) <= max(theirs) + 0.01 * np.ptp(theirs)
