"""Samples that repeat each other or leave lesions out are told, and real lesions are not."""

import numpy as np
import pytest

from augtrial.fidelity.diversity import Diversity, DiversityWatch, diversity


def pictures(number, seed, level=100):
    """Return smooth pictures, no two alike: 16x16 blocks of random grey levels."""
    blocks = np.random.default_rng(seed).integers(level - 60, level + 60, (number, 16, 16))
    return np.kron(blocks, np.ones((2, 2))).astype(np.uint8)


LESIONS = pictures(40, 1)


def test_other_pictures_of_the_same_kind_neither_repeat_nor_leave_out():
    found = diversity(pictures(32, 2), LESIONS)
    assert (found.near_duplicates, found.of_lesions) == (0, 0)
    assert found.coverage > 0.9
    assert not found.is_low


def test_one_picture_again_and_again_is_told():
    found = diversity(np.repeat(LESIONS[:1], 32, axis=0), LESIONS)
    assert found.near_duplicates == 1
    assert found.is_low


def test_different_pictures_far_from_all_lesions_cover_none():
    found = diversity(pictures(32, 2, level=190), LESIONS)
    assert (found.near_duplicates, found.coverage) == (0, 0)
    assert found.is_low


def test_lesions_that_repeat_each_other_excuse_samples_that_do():
    assert not Diversity(near_duplicates=0.6, of_lesions=0.4, coverage=0.9).is_low
    assert Diversity(near_duplicates=0.6, of_lesions=0.3, coverage=0.9).is_low
    with_repeats = np.concatenate([LESIONS[:25], LESIONS[:5]])
    assert diversity(pictures(32, 2), with_repeats).of_lesions == pytest.approx(1 / 3)


def test_more_lesions_than_samples_do_not_lower_the_coverage():
    many, samples = pictures(400, 1), pictures(32, 2)
    assert diversity(samples, many).coverage > 0.9


def test_with_nine_lesions_nothing_is_said(capsys):
    watch = DiversityWatch("dcgan", {"cyst": LESIONS[:9]}, ["cyst"])
    found = watch(np.repeat(LESIONS[:1], 32, axis=0)[None], 300)
    assert np.isnan(list(found.values())).all()
    assert capsys.readouterr().out == ""


def test_a_warning_names_synthesizer_class_and_update(capsys):
    watch = DiversityWatch(
        "dcgan", {"cyst": LESIONS, "metastasis": LESIONS}, ["metastasis", "cyst"]
    )
    samples = np.stack([pictures(32, 2), np.repeat(LESIONS[:1], 32, axis=0)])
    found = watch(samples, 300)
    covered = [diversity(images, LESIONS).coverage for images in samples]
    assert found == pytest.approx({"near_duplicates": 0.5, "coverage": np.mean(covered)})
    assert capsys.readouterr().out == (
        "warning: dcgan, cyst, update 300: 100 % of its samples repeat each other (training "
        f"lesions: 0 %); coverage {100 * covered[1]:.0f} %\n"
    )
