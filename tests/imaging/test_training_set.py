import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augtrial.config.arms import Arm
from augtrial.imaging.training_set import Part, assemble, classic_counts, spread

CLASSES = ["a", "b"]


def part(first: int, lesions: int = 5, variants: int = 12) -> Part:
    """Lesion i's pixels hold i, its variants 100 + their number: any image tells its origin."""
    ids = tuple(f"L{first + index}" for index in range(lesions))
    labels = tuple(CLASSES[index % 2] for index in range(lesions))
    rois = np.stack([np.full((2, 2), first + index, np.uint8) for index in range(lesions)])
    numbers = (100 + np.arange(variants, dtype=np.uint8))[None, :, None, None]
    stack = np.broadcast_to(numbers, (lesions, variants, 2, 2)).copy()
    stack[:, :, 0, 0] = rois[:, None, 0, 0]
    return Part(ids, labels, rois, stack)


def build(arm: Arm, **options):
    return assemble(arm, [part(0), part(50)], CLASSES, seed=1, replicate=1, **options)


def test_no_augmentation_is_the_lesions_themselves():
    training = build(Arm())
    assert training.images[:, 1, 1].tolist() == [0, 1, 2, 3, 4, 50, 51, 52, 53, 54]
    assert training.labels.tolist() == [0, 1, 0, 1, 0] * 2
    assert set(training.sources) == {"roi"}


def test_sizes_count_per_part():
    training = build(Arm(classic=23))
    assert training.sources.count("classic") == 2 * 23
    assert training.sources.count("roi") == 10


@given(st.integers(0, 60), st.integers(1, 20))
def test_variants_are_spread_evenly_and_smaller_groups_are_subsets(size, lesions):
    order = np.random.default_rng(lesions).permutation(lesions).tolist()
    counts = spread(size, order)
    assert counts.sum() == size
    assert counts.max() - counts.min() <= 1
    assert (spread(size + 1, order) >= counts).all()


def test_who_gives_the_remainder_depends_on_the_lesion_and_not_on_its_neighbours():
    whole = part(0)
    some = Part(whole.lesion_ids[1:], whole.labels[1:], whole.rois[1:], whole.variants[1:])
    ranks = [
        np.argsort(np.sum([classic_counts(p, n, seed=1, replicate=1) for n in range(9)], axis=0))
        for p in (whole, some)
    ]
    without_first = [index - 1 for index in ranks[0] if index]
    assert without_first == ranks[1].tolist()


def test_all_takes_every_variant_of_every_lesion():
    training = build(Arm(originals=False, classic="all"))
    assert len(training.images) == 2 * 5 * 12
    assert set(training.sources) == {"classic"}


def test_variants_keep_their_lesions_class():
    training = build(Arm(classic=20))
    for image, label in zip(training.images, training.labels, strict=True):
        assert label == int(image[0, 0]) % 50 % 2


@pytest.mark.parametrize(("wanted", "counts"), [(3, [6, 6]), ({"b": 2}, [0, 4])])
def test_synthetic_images_are_the_heads_of_the_samples_per_class(wanted, counts):
    samples = {
        "gan": {
            label: np.stack([np.full((2, 2), 200 + index, np.uint8) for index in range(10)])
            for label in CLASSES
        }
    }
    training = build(Arm(synthetic={"gan": wanted}), samples=samples)
    drawn = [
        image
        for image, source in zip(training.images, training.sources, strict=True)
        if source == "gan"
    ]
    labels = training.labels[[source == "gan" for source in training.sources]]
    assert np.bincount(labels, minlength=2).tolist() == counts
    assert [int(image[0, 0]) for image in drawn] == [
        200 + index for count in counts for index in range(count)
    ]


def test_a_training_set_names_the_lesions_behind_it():
    assert build(Arm()).lesion_ids == part(0).lesion_ids + part(50).lesion_ids


def test_transformed_variants_take_the_place_of_the_plain_ones(tmp_path):
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"{number}.npy")
        np.save(paths[-1], np.full((5, 2, 2), 250, np.uint8))
    training = build(Arm(classic=5, transforms=["VerticalFlip"]), transformed=paths)
    values = training.images[[source == "classic" for source in training.sources]]
    assert (values == 250).all()


def test_extra_variants_are_new_ones_in_equal_numbers_for_every_class():
    classic = build(Arm(classic=10))
    training = build(Arm(classic=10, extra_classic=6))
    assert [int(np.sum(training.labels == index)) for index in (0, 1)] == [
        int(np.sum(classic.labels == index)) + 2 * 6 for index in (0, 1)
    ]
    pairs = [tuple(image.ravel()) for image in training.images]
    assert len(set(pairs)) == len(pairs)  # none is taken twice


def test_copies_repeat_what_the_set_has():
    plain, training = build(Arm(classic=10)), build(Arm(classic=10, duplicates=7))
    known = {
        (*image.ravel(), label) for image, label in zip(plain.images, plain.labels, strict=True)
    }
    copies = np.array(training.sources) == "duplicate"
    assert copies.sum() == 2 * 2 * 7
    for image, label in zip(training.images[copies], training.labels[copies], strict=True):
        assert (*image.ravel(), label) in known
    assert len(training.images) == len(plain.images) + 28


def test_fresh_lesions_come_from_all_parts_alike(tmp_path):
    from augtrial.core.io import write_arrays
    from augtrial.imaging.training_set import read_samples

    for name, value in (("one.npz", 10), ("two.npz", 20)):
        pool = np.full((5, 2, 2), value, np.uint8)
        write_arrays(tmp_path / name, **{f"images/{label}": pool for label in CLASSES})
    samples = read_samples(
        [str(tmp_path / "one.npz"), str(tmp_path / "two.npz")], ["oracle", "oracle"]
    )
    training = build(Arm(oracle=2), samples=samples)
    fresh = training.images[[source == "oracle" for source in training.sources]]
    assert sorted(fresh[:, 0, 0].tolist()) == [10] * 4 + [20] * 4
