"""Planted faults are caught, and fresh lesions, which are no copies, are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.fidelity import memorisation as module
from augtrial.fidelity.appraisal import SIGNIFICANCE_LEVEL
from augtrial.fidelity.memorisation import (
    detectable,
    exchangeability_p,
    memorisation,
    polar_descriptor,
)
from augtrial.imaging import affine_augmentation
from augtrial.imaging.affine_augmentation import Variant
from augtrial.imaging.roi import extract_context, extract_roi

SIDE = 64
ROI = RoiSettings(size=SIDE)
CLASSIC = ClassicSettings(n_rotations=2, n_flips=1, n_translations=1, n_scales=1)
SAMPLES = 150


def contexts(stream, number):
    drawn = draw_lesions(seed=0, stream=stream, classes={"metastasis": number})
    return [extract_context(lesion, ROI, CLASSIC) for lesion in drawn]


def described(lesions):
    """Return descriptors of each lesion's ROI and variants [lesions, images, d]."""
    rows = []
    for number, context in enumerate(lesions):
        draw = seeds.generator(0, "variants", number)
        variants = affine_augmentation.sample_variants(context.diameter, CLASSIC, draw)
        images = [extract_roi(context, SIDE)]
        images += [
            affine_augmentation.apply_variant(context, variant, SIDE) for variant in variants
        ]
        rows.append(polar_descriptor(np.stack(images)))
    return np.stack(rows)


@pytest.fixture(scope="module")
def scene():
    training = contexts("memory-training", 42)
    held_out = contexts("memory-held-out", 21)
    fresh = np.stack([extract_roi(c, SIDE) for c in contexts("memory-fresh", SAMPLES)])
    draw = np.random.default_rng(1)
    chosen = [training[i] for i in draw.integers(0, len(training), SAMPLES)]
    exact = np.stack([extract_roi(context, SIDE) for context in chosen])
    turned = np.stack(
        [
            affine_augmentation.apply_variant(
                c, Variant("rotation", float(draw.uniform(0, 180))), SIDE
            )
            for c in chosen
        ]
    )
    fifth = fresh.copy()
    fifth[: SAMPLES // 5] = turned[: SAMPLES // 5]
    faults = {
        "exact": exact,
        "shifted": np.roll(exact, (2, -2), axis=(1, 2)),
        "noisy": np.clip(exact + draw.normal(0, 10, exact.shape), 0, 255).astype(np.uint8),
        "turned": turned,
        "a fifth": fifth,
        "fresh": fresh,
        "blurred mean": np.repeat(exact.mean(axis=0, keepdims=True), SAMPLES, axis=0).astype(
            np.uint8
        ),
    }
    return described(training), described(held_out), faults


def copied(found):
    return min(found.closer_p, found.suspects_p) < SIGNIFICANCE_LEVEL


def judge(scene, name):
    training, held_out, faults = scene
    draw = np.random.default_rng(0)
    return memorisation(polar_descriptor(faults[name]), training, held_out, draw)


@pytest.mark.parametrize("name", ["exact", "shifted", "noisy", "turned"])
def test_copies_are_found_however_they_are_disguised(scene, name):
    found = judge(scene, name)
    assert copied(found)
    assert found.closer > 0.6
    assert found.suspects > 0.3


def test_a_fifth_of_copies_is_found_and_counted(scene):
    found = judge(scene, "a fifth")
    assert copied(found)
    assert found.suspects == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(("name", "copies"), [("turned", True), ("fresh", False)])
def test_some_lesions_of_many_are_reference_enough(scene, monkeypatch, name, copies):
    monkeypatch.setattr(module, "REFERENCES", 10)
    found = judge(scene, name)
    assert 7 + 9 / 2 < found.references <= 7 + 9  # each third of 21, each fifth of 42
    assert copied(found) == copies


@pytest.mark.parametrize("name", ["fresh", "blurred mean"])
def test_new_lesions_and_a_blur_are_no_copies(scene, name):
    found = judge(scene, name)
    assert not copied(found)
    assert found.suspects < 0.03


def test_the_descriptor_does_not_see_a_turn_or_a_reflection():
    image = np.zeros((1, SIDE, SIDE), np.uint8)
    image[0, 20:30, 34:50] = 200
    plain = polar_descriptor(image)
    for other in (np.rot90(image, axes=(1, 2)), image[:, ::-1], image[:, :, ::-1]):
        np.testing.assert_allclose(polar_descriptor(other), plain, atol=1e-5)
    assert np.abs(polar_descriptor(np.roll(image, 12, axis=2)) - plain).max() > 0.02


def test_few_lesions_are_answered(scene):
    training, held_out, faults = scene
    samples = polar_descriptor(faults["fresh"][:3])
    found = memorisation(samples, training[:3], held_out[:2], np.random.default_rng(0))
    assert 0 <= found.suspects_p <= 1
    assert not copied(found)


def points(draw, number, images=3):
    """Return lesions as points in four dimensions, with images close by: [number, images, 4]."""
    return draw.normal(size=(number, 1, 4)) + draw.normal(scale=0.01, size=(number, images, 4))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=5, max_size=20), st.integers(0, 5))
def test_what_is_drawn_again_counts_once(times, seed):
    draw = np.random.default_rng(seed)
    training, held_out, new = points(draw, 12), points(draw, 6), points(draw, len(times))[:, 0]
    new[0] = training[0, 0] + 1e-6
    once, again = (
        memorisation(samples, training, held_out, np.random.default_rng(0), 99)
        for samples in (new, np.repeat(new, times, axis=0))
    )
    assert (again.suspects_p, again.distinct) == (once.suspects_p, once.distinct)
    assert once.distinct <= len(times)


def test_two_lesions_that_are_nearest_to_each_other_are_one_reference():
    corners = np.array([[0, 0], [0, 50], [50, 0], [60, 60]])
    training = np.concatenate([corners, corners + 1])[:, None].astype(float)  # four pairs
    held_out = np.array([[[20.0, 20]], [[30, 30]]])
    found = memorisation(training[:, 0] + 5, training, held_out, np.random.default_rng(0))
    assert found.references == 4 + 2
    assert found.null_reference == 1 / 7


def test_one_image_near_a_lesion_by_chance_is_as_rare_as_one_of_all_lesions_however_often_drawn():
    draw = np.random.default_rng(0)
    training, held_out = points(draw, 100), points(draw, 50)
    near = np.repeat(training[:1, 0] + 1e-6, 200, axis=0)
    jittered = near + draw.normal(scale=0.001, size=near.shape)
    for samples in (near, jittered):
        found = memorisation(samples, training, held_out, np.random.default_rng(0))
        assert (found.suspects, found.distinct) == (1, 1)
        assert found.suspects_p == pytest.approx(found.null_reference)
        assert found.references > 100


def test_a_collapse_without_copies_is_accused_at_most_as_often_as_the_level_says():
    """Where its samples count as independent, it is accused several times as often."""
    level, rows = 0.05, []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        training, held_out, new = points(draw, 16), points(draw, 8), points(draw, 5)[:, 0]
        samples = np.repeat(new, 20, axis=0) + draw.normal(scale=0.001, size=(100, 4))
        found = memorisation(samples, training, held_out, draw, 999)
        naive = exchangeability_p(round(found.suspects * 100), 100, found.references)
        rows.append((naive, found.suspects_p, found.closer_p))
    naive, suspects, closer = (np.array(rows) < level).mean(axis=0)
    assert naive > 2 * level
    assert max(suspects, closer) < 1.5 * level


@pytest.mark.parametrize(("samples", "lesions"), [(1, 3), (3, 2), (4, 4)])
def test_ratios_of_samples_and_lesions_are_exchangeable(samples, lesions):
    orders = list(itertools.combinations(range(samples + lesions), samples))
    for found in range(samples + 1):  # ranks of samples; the first of all are theirs
        share = np.mean([set(range(found)) <= set(ranks) for ranks in orders])
        assert exchangeability_p(found, samples, lesions) == pytest.approx(share)


def test_lesions_are_exchanged_whatever_the_samples_are():
    """Each of five training lesions is nearest to a sample: one of 252 ways to draw five of ten."""
    training, held_out = np.split(np.arange(10.0)[:, None, None] * [[[100, 0]]], 2)
    samples = np.repeat(training[:, 0] + 1, 30, axis=0)
    found = memorisation(samples, training, held_out, np.random.default_rng(0))
    assert found.closer == 1
    assert found.closer_p == pytest.approx(1 / 252, rel=0.2)


@pytest.mark.parametrize(("distinct", "references", "lesions"), [(200, 63, 42), (100, 450, 300)])
@pytest.mark.parametrize("recognised", [1, 0.7])
def test_detectable_copies_are_found_with_the_promised_power(
    distinct, references, lesions, recognised
):
    share = detectable(distinct, references, lesions, recognised, 0.01)
    known, draw, powers = int(lesions * recognised), np.random.default_rng(0), []
    for of_copies in (share, share / 2):
        copies = draw.binomial(distinct, of_copies * recognised, 2000)
        hit = np.array([len(set(draw.integers(known, size=number))) for number in copies])
        powers.append((exchangeability_p(hit, distinct - copies + hit, references) < 0.01).mean())
    assert 0.75 < powers[0] < 0.95
    assert powers[1] < 0.6


def test_what_cannot_be_detected_is_infinite():
    assert detectable(1, 63, 42, 1.0, 0.01) == np.inf  # one of 64 is not rare enough
    assert detectable(200, 63, 42, 0.0, 0.01) == np.inf
    assert detectable(200, 63, 42, 1.0, 1e-4) > detectable(200, 63, 42, 1.0, 0.01)
