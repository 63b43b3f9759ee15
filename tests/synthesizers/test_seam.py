"""What the seam of the synthesizers carries, beside GANs: a kind is one class, and nothing else."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from added_kinds import KEPT, Echo, Replay
from augtrial.config.cohort import ClassicSettings
from augtrial.core import seeds
from augtrial.core.registry import synthesizers
from augtrial.imaging.on_the_fly import OnlineVariants
from augtrial.jobs.synthesizers import read_networks
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.plan import plan_text
from augtrial.pipeline.study import Study
from small_networks import SMALL_GAN
from synthesizer_fold import OUTPUTS, SynthesizerFold, samples
from tiny_fold import CLASSES


@pytest.fixture(autouse=True)
def kinds(register_synthesizer):
    register_synthesizer(Replay)
    register_synthesizer(Echo)


@pytest.fixture
def fold(tmp_path, striped_classes):
    return SynthesizerFold(tmp_path, *striped_classes)


def test_a_synthesizer_without_training_draws_from_the_training_pictures(fold):
    folder = fold.train("mine", {"kind": "replay"})
    drawn = samples(folder)
    for label in CLASSES:
        images = drawn[f"images/{label}"]
        assert images.shape == (10, 32, 32)
        assert {image.tobytes() for image in images} <= fold.training_images(label)
        assert len({image.tobytes() for image in images}) > 3
    assert len(drawn["trained_on"]) == 24
    assert {path.name for path in folder.iterdir()} == set(OUTPUTS.values())
    assert pd.read_csv(folder / "history.csv").columns.tolist() == ["network"]
    with np.load(folder / "progress.npz") as progress:
        assert not progress.files
    record = json.loads((folder / "networks.json").read_text(encoding="utf-8"))
    assert record["settings"] == {"kind": "replay", "classic": 8}


def test_a_synthesizer_without_training_draws_the_same_again_and_fewer_are_the_head_of_more(fold):
    first = fold.train("mine", {"kind": "replay"})
    again = fold.train("mine", {"kind": "replay"}, into="again", samples=25, workers=2)
    assert (first / "networks.pt").read_bytes() == (again / "networks.pt").read_bytes()
    for label in CLASSES:
        few, more = (samples(folder)[f"images/{label}"] for folder in (first, again))
        assert len(more) == 25
        np.testing.assert_array_equal(few, more[:10])


def test_a_synthesizer_is_given_the_trained_networks_of_the_one_that_it_uses(fold):
    gan = fold.train("dcgan", {"kind": "dcgan", **SMALL_GAN})
    folder = fold.train("mine", {"kind": "echo"}, others=["dcgan"])
    networks, kept = read_networks(gan / "networks.pt"), read_networks(folder / "networks.pt")
    assert list(networks) == list(kept) == list(CLASSES)
    for label, network in networks.items():
        seed = seeds.derive(3, "mine", "1", "1", label)
        chance = seeds.torch_generator(seed, "echo")
        drawn = synthesizers["dcgan"].sample(network, np.zeros(KEPT, int), chance)
        images = kept[label].state["images"]
        assert torch.equal(images, torch.from_numpy(drawn[:, ::-1].copy()))
        shown = {image.tobytes() for image in samples(folder)[f"images/{label}"]}
        assert shown <= {image.numpy().tobytes() for image in images}


@pytest.mark.parametrize("kind", ["dcgan", "acgan"])
def test_a_network_may_learn_from_new_variants_of_its_lesions_in_every_batch(
    fold, kind, monkeypatch
):
    seen = []
    original = OnlineVariants.sample_inputs

    def watched(variants, chosen, update):
        seen.append((len(variants.contexts), original(variants, chosen, update)))
        return seen[-1][1]

    monkeypatch.setattr(OnlineVariants, "sample_inputs", watched)
    settings = {"kind": kind, **SMALL_GAN, "classic": "online", "updates": 3}
    folder = fold.train("mine", settings)
    classic = ClassicSettings().model_dump()
    lesions = {"dcgan": {12}, "acgan": {24}}[kind]  # of its class, or of both
    assert {number for number, _ in seen} == lesions
    shown = {image.numpy().tobytes() for _, (_, images) in seen for image in images}
    assert len(shown) > 40  # of 3 batches, 12 or 16 each
    assert not shown & (fold.training_images("across") | fold.training_images("along"))
    other = fold.train("mine", settings, on_the_fly={**classic, "n_flips": 0}, into="other")
    assert (folder / "networks.pt").read_bytes() != (other / "networks.pt").read_bytes()


def test_other_networks_of_the_one_that_it_uses_give_other_images(fold):
    drawn = []
    for epochs in (1, 2):
        fold.train("dcgan", {"kind": "dcgan", **SMALL_GAN, "epochs": epochs})
        drawn.append(samples(fold.train("mine", {"kind": "echo"}, others=["dcgan"])))
    for label in CLASSES:
        assert not np.array_equal(*(found[f"images/{label}"] for found in drawn))


# The plan of a study with them --------------------------------------------------------------


@pytest.fixture
def study():
    return Study.from_config(
        {
            "study": "s",
            "replicates": 2,
            "arms": {
                "none": {},
                "echo": {"synthetic": {"turned": 5}},
                "replay": {"synthetic": {"replay": 5}},
            },
            "synthesizers": {"turned": {"kind": "echo", "used": "gan"}, "gan": {"kind": "dcgan"}},
        }
    )


def test_a_kind_without_history_has_no_figures_of_its_training(study):
    names = {figure.name for figure in FigureSpecs(study).figures()}
    assert {"samples_turned", "samples_replay", "pairs_replay", "fidelity"} <= names
    assert not {name for name in names if name.startswith(("losses", "progress"))}
    arms = {**study.settings.model_dump(mode="json")["arms"], "gan": {"synthetic": {"gan": 5}}}
    more = Study.from_config({**study.settings.model_dump(mode="json"), "arms": arms})
    trained = [f for f in FigureSpecs(more).figures() if f.name in ("losses_gan", "progress_gan")]
    assert len(trained) == 2


def test_a_synthesizer_comes_after_those_that_it_uses_and_reads_their_networks(study):
    params, paths = JobParams(study), Paths(study)
    order = params.synthesizers(1)
    assert sorted(order) == ["gan", "replay", "turned"]
    assert order.index("gan") < order.index("turned")
    assert params.used_by("turned") == ["gan"]
    folder = "results/s/replicate2/fold3"
    assert paths.used_networks(2, 3, "turned") == [f"{folder}/gan/networks.pt"]
    assert paths.used_networks(2, 3, "gan") == paths.used_networks(2, 3, "replay") == []
    records = set(paths.records())
    for name in ("gan", "turned", "replay"):
        assert f"{folder}/{name}/networks.json" in records


def test_a_fold_of_a_shared_synthesizer_uses_that_folds_networks(study):
    values = study.settings.model_dump(mode="json") | {"share_synthesizer": True}
    paths = Paths(Study.from_config(values))
    samples = paths.training_samples(2, 1)
    assert set(samples) == {
        f"results/s/replicate1/fold1/{name}/samples.npz" for name in ("turned", "replay")
    }


def test_what_costs_nothing_is_planned_all_the_same(study):
    costs = Costs(study)
    names = [training.name for training in costs.all_synthesizer_trainings()]
    networks = 2 * 3 * 3  # replicates, folds, classes
    assert [names.count(name) for name in ("gan", "turned", "replay")] == [networks] * 3
    assert sum(t.seconds(Machine(2, 0)) for t in costs.synthesizer_trainings("replay", 1)) == 0
    assert costs.synthesizer_mb("replay", 1) > 0
    assert costs.minutes(costs.synthesizer_trainings("replay", 1)) > 0
    threads = [
        costs.synthesizer_threads(1, fold, name)
        for fold in study.folds
        for name in ("gan", "turned", "replay")
    ]
    assert all(count >= 1 for count in threads)
    text = plan_text(study, Machine(cores=2, gpus=0))
    assert f"{3 * networks} synthesizers" in text
    assert all(f"{networks} {name}" in text for name in ("gan", "turned", "replay"))
