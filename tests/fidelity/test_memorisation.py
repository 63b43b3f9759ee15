"""Planted faults are caught, and fresh lesions, which are no copies, are not."""

import numpy as np
import pytest

from augtrial.cohort.phantom.cohort import draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.core import seeds
from augtrial.fidelity import memorisation as module
from augtrial.fidelity.appraisal import SIGNIFICANCE_LEVEL
from augtrial.fidelity.memorisation import memorisation, polar_descriptor
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
    tenth = fresh.copy()
    tenth[: SAMPLES // 10] = turned[: SAMPLES // 10]
    faults = {
        "exact": exact,
        "shifted": np.roll(exact, (2, -2), axis=(1, 2)),
        "noisy": np.clip(exact + draw.normal(0, 10, exact.shape), 0, 255).astype(np.uint8),
        "turned": turned,
        "a tenth": tenth,
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


def test_a_tenth_of_copies_is_found_and_counted(scene):
    found = judge(scene, "a tenth")
    assert copied(found)
    assert found.suspects == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize(("name", "copies"), [("turned", True), ("fresh", False)])
def test_some_lesions_of_many_are_reference_enough(scene, monkeypatch, name, copies):
    monkeypatch.setattr(module, "REFERENCES", 10)
    found = judge(scene, name)
    assert found.null_reference == 1 / (9 + 7 + 1)  # each fifth of 42, each third of 21
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
