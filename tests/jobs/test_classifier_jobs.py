"""The job of a fold's classifiers: what it trains, what it leaves alone, what it writes."""

from pathlib import Path

import pytest
import torch

from augtrial.cohort.lesion import Cohort
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.config.load import read_settings
from augtrial.core.errors import UserError
from augtrial.core.io import read_json, read_table, write_arrays
from augtrial.imaging.context import write_contexts
from augtrial.imaging.roi import extract_context
from augtrial.jobs.classifiers import train_classifiers
from augtrial.jobs.predictions import named_networks
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.study import Study
from conftest import disc_slice
from small_networks import SMALL_CLASSIFIER
from tiny_fold import CLASSES, LESIONS, TinyFold, checkpoint_times, trained_since

ARMS = {
    "none": {},
    "classic": {"classic": 16},
    "gan": {"classic": 8, "synthetic": {"dcgan": 5}, "budget": {"epochs": 4}},
}
CURVES = {"c": {"vary": "classic", "sizes": [0, 8]}}


class Fold(TinyFold):
    """A fold of a study, with the job of its classifiers."""

    def __init__(self, folder, images, labels):
        super().__init__(folder, images, labels)
        drawn = {f"images/{label}": self.images[:10] for label in CLASSES}
        write_arrays(folder / "dcgan/samples.npz", **drawn)
        for part in self.parts:
            write_contexts(part / "contexts.npz", contexts(inside=20.0))

    def train(self, arms=ARMS, curves=CURVES, *, into="fold1", workers=1, **changes):
        """Run the job; return its results by name, and how many networks it trained."""
        before = checkpoint_times(self.checkpoints)
        config = {"study": "s", "arms": arms, "curves": curves, "contrasts": []}
        config["classifier"] = {"budget": {"updates": 12}, "eval_updates": [5]}
        config["classic"] = dict.fromkeys(("n_rotations", "n_flips"), 1)
        study = Study(read_settings(config), Cohort("", ()), CLASSES)
        folder = self.folder / into
        outputs = {
            "networks": str(folder / "classifiers.pt"),
            "history": str(folder / "classifiers.history.csv"),
            "record": str(folder / "classifiers.json"),
        }
        options = {
            "task": "classification",
            "settings": SMALL_CLASSIFIER.model_dump(exclude={"budget", "eval_updates"}),
            "contexts": [],
            "samples": {str(self.folder / "dcgan/samples.npz"): "dcgan"},
            "transformed": {},
            "classes": CLASSES,
            "size": 32,
            "seed": 3,
            "replicate": "1",
            "fold": "1",
            "device": "cpu",
            "precision": "float32",
            "checkpoints": str(self.checkpoints),
            "code": "",
            "user_code": "",
        }
        trainings = JobParams(study).trainings(1)
        options |= {"workers": workers, "outputs": outputs, **changes}
        train_classifiers(trainings, **self.inputs(), **options)
        return outputs, trained_since(self.checkpoints, before)["classifiers.1.1"]


def contexts(*, inside):
    """Return the surroundings of the lesions of a part."""
    classic = ClassicSettings(n_rotations=1, n_flips=1)
    lesions = [disc_slice(radius=8.0 + number, inside=inside) for number in range(LESIONS)]
    return [extract_context(lesion, RoiSettings(size=32), classic) for lesion in lesions]


@pytest.fixture
def fold(tmp_path, striped_classes):
    return Fold(tmp_path, *striped_classes)


def same_networks(one, other) -> set[str]:
    """Return the names of the networks that are in both files with the same weights."""
    first, second = (dict(named_networks(files["networks"])) for files in (one, other))
    return {
        name
        for name in first.keys() & second.keys()
        if all(torch.equal(first[name][key], second[name][key]) for key in first[name])
    }


def test_all_arms_and_points_of_curves_are_trained_and_judged_on_their_way(fold):
    files, trained = fold.train()
    assert trained == 3 + 2
    names = [name for name, _ in named_networks(files["networks"])]
    assert names == ["none@5", "none", "classic@5", "classic", "gan@5", "gan", "c:0", "c:8"]
    record = read_json(files["record"])
    assert record["images"]["none"] == {"roi": 2 * LESIONS}
    assert record["images"]["gan"] == {"roi": 2 * LESIONS, "classic": 16, "dcgan": 2 * 2 * 5}
    assert len(record["trained_on"]) == 2 * LESIONS
    assert record["device"] == "CPU, float32"
    history = read_table(files["history"])
    ends = history.groupby("arm")["update"].max()
    assert ends.to_dict() == {"none": 12, "classic": 12, "gan": 4 * 4}  # 60 images in batches of 16
    assert set(history.loc[history["arm"].isna(), "size"]) == {0, 8}


def test_two_processes_write_the_bytes_of_one(fold, tmp_path):
    files, _ = fold.train()
    others, trained = fold.train(into="again", workers=2, checkpoints=str(tmp_path / "others"))
    assert trained == 0  # all of them elsewhere
    for name in ("networks", "history", "record"):
        one, other = (Path(found[name]) for found in (files, others))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_arm_trains_alone_and_one_that_comes_back_not_at_all(fold, workers):
    before, _ = fold.train(workers=workers)
    arms = {name: arm for name, arm in ARMS.items() if name != "classic"}
    after, trained = fold.train({**arms, "more": {"classic": 4}}, into="more", workers=workers)
    assert trained == 1
    assert same_networks(before, after) == {"none", "none@5", "gan", "gan@5", "c:0", "c:8"}
    again, trained = fold.train(into="again", workers=workers)
    assert trained == 0
    assert len(same_networks(before, again)) == 8


def test_a_changed_arm_trains_alone(fold):
    before, _ = fold.train()
    after, trained = fold.train({**ARMS, "classic": {"classic": 15}}, into="after")
    assert trained == 1
    assert {"none", "gan", "c:0"} < same_networks(before, after)
    assert not {"classic", "classic@5"} & same_networks(before, after)


def test_other_samples_train_the_arms_that_take_them(fold):
    before, _ = fold.train()
    drawn = {f"images/{label}": fold.images[10:20] for label in CLASSES}
    write_arrays(fold.folder / "dcgan/samples.npz", **drawn)
    after, trained = fold.train(into="after")
    assert trained == 1
    assert same_networks(before, after) == {"none", "none@5", "classic", "classic@5", "c:0", "c:8"}


@pytest.mark.parametrize(
    "change",
    [
        {"code": "another"},
        {"seed": 4},
        {"precision": "bfloat16"},
        {"settings": SMALL_CLASSIFIER.model_dump() | {"learning_rate": 0.01}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_all_networks_trains_all(fold, change):
    fold.train()
    assert fold.train(into="after", **change)[1] == 5


def test_an_arm_of_variants_on_the_fly_learns_from_what_lies_around_the_lesions(fold):
    arms = {"none": {}, "online": {"classic": "online"}}
    files = [str(part / "contexts.npz") for part in fold.parts]
    before, _ = fold.train(arms, {}, contexts=files)
    assert fold.train(arms, {}, contexts=files, into="again")[1] == 0
    write_contexts(files[0], contexts(inside=60.0))
    after, trained = fold.train(arms, {}, contexts=files, into="after")
    assert trained == 1
    assert same_networks(before, after) == {"none", "none@5"}


def test_a_gpu_that_is_not_there_is_told(fold, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU here"):
        fold.train(device="cuda")
