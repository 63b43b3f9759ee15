"""Lesion paste: lesions of known shape in pictures of known level, and the job of a fold."""

from functools import cache

import numpy as np
import pytest
import torch

from augtrial.config.load import read_settings
from augtrial.core.errors import UserError
from augtrial.core.registry import synthesizers
from augtrial.jobs.report import describe_synthesizers
from augtrial.jobs.synthesizers import read_networks
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.plan import plan_text
from augtrial.pipeline.study import Study
from augtrial.synthesizers.base import TrainedNetwork, TrainingData
from small_networks import CPU
from synthesizer_fold import SynthesizerFold, samples
from tiny_fold import CLASSES

KIND = synthesizers["lesion_paste"]
SIZE = 32
LEVELS = np.array([60, 80, 100, 120, 140, 160])  # of the surroundings, a lesion each
LABELS = np.array([0, 0, 1, 1, 1, 1])
CONTRAST = np.array([-40, 40])  # of the lesions, a class each
RADII = np.array([5, 11, 6, 9, 4, 10])
ROW, COLUMN = np.ogrid[:SIZE, :SIZE]


class Planted:
    """Variants of flat lesions in flat surroundings; each update shifts them."""

    def __init__(self, chosen):
        self.lesions = np.array(chosen)

    def images_and_regions(self, chosen, update):
        lesions = self.lesions[chosen]
        regions = np.stack([disc(lesion, update) for lesion in lesions])
        around, inside = LEVELS[lesions], CONTRAST[LABELS[lesions]]
        images = around[:, None, None] + regions * inside[:, None, None]
        return images.astype(np.uint8), regions


def disc(lesion, update):
    return np.hypot(ROW - 15 - update, COLUMN - 15) < RADII[lesion]


def planted(*chosen, variants=2, **settings) -> TrainedNetwork:
    """Return what is kept of these lesions."""
    labels = LABELS[list(chosen)]
    images = np.zeros((len(chosen), SIZE, SIZE), np.uint8)
    names = tuple(f"L{lesion}" for lesion in chosen)
    data = TrainingData(images, labels, CLASSES, names, Planted(chosen))
    values = KIND.Settings(variants=variants, **settings)
    training = KIND.training(data, values, seed=1, device=CPU)
    return TrainedNetwork(training.state_dict(), values, CLASSES, SIZE)


def drawn(network, labels, seed=3):
    return KIND.sample(network, np.array(labels), torch.Generator().manual_seed(seed))


@cache
def possible():
    """Return each image that there can be: its bytes -> lesion, variant, surroundings' lesion."""
    return {
        np.uint8(level + disc(lesion, update) * CONTRAST[label]).tobytes(): (lesion, update, around)
        for lesion, label in enumerate(LABELS)
        for update in range(2)
        for around, level in enumerate(LEVELS)
    }


def made_of(image):
    """Return the lesion, its variant and the surroundings' lesion that make exactly this image."""
    return possible()[image.tobytes()]


@pytest.mark.parametrize("backgrounds", [1, 8])
def test_an_image_is_a_lesion_of_its_class_in_another_lesions_surroundings_and_no_more(backgrounds):
    """Nothing of the lesion that was there is left, and nothing comes from elsewhere."""
    labels = np.arange(60) % 2
    images = drawn(planted(*range(6), backgrounds=backgrounds), labels)
    assert images.dtype == np.uint8
    for image, label in zip(images, labels, strict=True):
        lesion, _, around = made_of(image)
        assert LABELS[lesion] == label
        assert lesion != around


def test_all_lesions_of_a_class_and_surroundings_of_all_classes_are_used():
    found = [made_of(image) for image in drawn(planted(*range(6), backgrounds=1), [1] * 80)]
    lesions, updates, around = map(set, zip(*found, strict=True))
    assert lesions == {2, 3, 4, 5}
    assert updates == {0, 1}
    assert around == set(range(6))


def test_the_surroundings_are_those_that_differ_least_around_the_lesion():
    found = [made_of(image) for image in drawn(planted(*range(6), backgrounds=60), [1] * 20)]
    assert all(abs(lesion - around) == 1 for lesion, _, around in found)


def test_only_the_lesions_of_the_fold_appear():
    found = [made_of(image) for image in drawn(planted(0, 2, 5), [0, 1] * 20)]
    assert {lesion for lesion, *_ in found} == {0, 2, 5}
    assert {around for *_, around in found} <= {0, 2, 5}


def test_the_only_lesion_of_its_class_is_shown_in_others_surroundings():
    found = {made_of(image)[0::2] for image in drawn(planted(0, 3, 4, backgrounds=1), [0] * 20)}
    assert found == {(0, 3), (0, 4)}


def test_image_i_depends_on_the_generator_and_its_label_alone():
    network, labels = planted(*range(6)), np.arange(40) % 2
    more = drawn(network, labels)
    np.testing.assert_array_equal(more, drawn(network, labels))
    for count in (0, 1, 7, 33):
        np.testing.assert_array_equal(drawn(network, labels[:count]), more[:count])
    changed = np.where(np.arange(40) == 5, 1 - labels, labels)
    others = np.arange(40) != 5
    np.testing.assert_array_equal(drawn(network, changed)[others], more[others])
    assert not np.array_equal(drawn(network, labels, seed=4), more)


def test_what_is_kept_are_variants_of_each_lesion_in_bytes_and_where_it_is():
    state = planted(*range(6), variants=3).state
    assert state["images"].shape == state["regions"].shape == (18, SIZE, SIZE)
    assert state["images"].dtype == torch.uint8
    assert state["regions"].dtype == torch.bool
    assert torch.bincount(state["lesions"]).tolist() == [3] * 6
    assert state["labels"].tolist() == LABELS[state["lesions"].numpy()].tolist()


@pytest.mark.parametrize(
    ("chosen", "words"), [([0], "two training lesions"), ([0, 1], "class 'along'")]
)
def test_a_fold_without_the_lesions_that_it_takes_is_told(chosen, words):
    with pytest.raises(UserError, match=words):
        planted(*chosen)


def test_it_is_trained_and_drawn_by_the_job_of_a_fold(tmp_path, striped_classes):
    fold = SynthesizerFold(tmp_path, *striped_classes)
    settings = {"kind": "lesion_paste", "classic": "online", "variants": 3}
    first = fold.train("paste", settings)
    again = fold.train("paste", settings, into="again", samples=14)
    assert (first / "networks.pt").read_bytes() == (again / "networks.pt").read_bytes()
    assert list(read_networks(first / "networks.pt")) == ["all"]
    for label in CLASSES:
        few, more = (samples(folder)[f"images/{label}"] for folder in (first, again))
        assert few.shape == (10, 32, 32)
        np.testing.assert_array_equal(few, more[:10])
        assert len({image.tobytes() for image in more}) > 10
    assert len(samples(first)["trained_on"]) == 24


CONFIG = {
    "study": "s",
    "arms": {
        "classic": {"classic": "online"},
        "paste": {"classic": "online", "synthetic": {"lesion_paste": 5, "mixup": 5}},
    },
}


def test_a_line_in_the_config_is_all_that_it_takes():
    study = Study.from_config(CONFIG)
    assert fit_problems(study) == []
    settings = study.settings.synthesizers["lesion_paste"]
    assert settings.classic == "online"
    text = plan_text(study, Machine(cores=2, gpus=0))
    assert "lesion_paste" in text
    assert "mixup" in text
    costs = Costs(study)
    assert sum(t.seconds(Machine(2, 0)) for t in costs.all_synthesizer_trainings()) == 0
    described = describe_synthesizers(study.settings)
    assert "16 random classic variants of each lesion" in described["lesion_paste"]


def test_a_number_of_stored_variants_is_refused():
    own = {"synthesizers": {"lesion_paste": {"kind": "lesion_paste", "classic": 500}}}
    with pytest.raises(UserError) as caught:
        read_settings({**CONFIG, **own})
    (problem,) = caught.value.problems
    assert problem.startswith("synthesizers.lesion_paste.classic:")
    assert "`online` is right (got 500)" in problem
