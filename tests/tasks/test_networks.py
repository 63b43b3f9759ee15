"""The kinds of classifiers that were not made here: torchvision's by name, the user's by entry."""

import sys
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import models

from augtrial.config.classifier import Budget
from augtrial.core import seeds
from augtrial.core.errors import UserError
from augtrial.core.registry import classifiers, tasks
from augtrial.imaging.training_set import TrainingSet
from augtrial.tasks.classification.cnn import predict
from augtrial.tasks.classification.networks.torchvision import OLD_DENSENET
from augtrial.tasks.classification.training import (
    ClassifierTraining,
    build_classifier,
    load_classifier,
)
from augtrial.tasks.classification.wrapped import image_cost
from augtrial.training import engine
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.engine import train_all
from small_networks import CPU, trained_to_its_end

DROPPING = """
    from torch import nn

    def build(classes, size):
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(8),
            nn.Flatten(), nn.Linear(256, 8), nn.Dropout(0.5), nn.Linear(8, classes),
        )
"""


def torchvision(architecture, **values):
    return classifiers["torchvision"].Settings(architecture=architecture, **values)


def check(settings, *, classes=3, size=64):
    return list(classifiers[settings.kind].check(settings, classes=classes, size=size))


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Write a module into a working directory; return the settings of its function `build`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))

    def write(source, *, module="entry", function="build", **values):
        path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(source), encoding="utf-8")
        return classifiers["python"].Settings(entry=f"{module}:{function}", **values)

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] in ("entry", "mine", "other")]:
        del sys.modules[name]


def training(settings, images, labels, **options):
    options = {"updates": 12, "full_batches": True, "classes": 2, "seed": 11, **options}
    return ClassifierTraining(images, labels, settings, device=CPU, **options)


def trained(settings, images, labels, **options):
    return trained_to_its_end(training(settings, images, labels, **options))


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# torchvision ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "architecture",
    [
        *("resnet18", "densenet121", "efficientnet_b0", "vgg11", "convnext_tiny"),
        *("mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "squeezenet1_1"),
    ],
)
def test_networks_of_torchvision_take_a_study_of_64_pixels(architecture):
    assert check(torchvision(architecture)) == []


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("vit_b_16", "Expected 224 but got 64"),
        ("maxvit_t", "cannot take images [2, 1, 64, 64] to predict"),
        ("inception_v3", "cannot take images"),
        ("googlenet", "gives a GoogLeNetOutputs for images [2, 1, 64, 64] to train"),
        ("resnet-18", "did you mean 'resnet18'?"),
        ("fasterrcnn_resnet50_fpn", "no network"),
    ],
)
def test_networks_that_cannot_work_are_refused_in_a_sentence(architecture, words):
    (problem,) = check(torchvision(architecture))
    assert problem.startswith("classifier.architecture: torchvision")
    assert words in problem


def test_a_batch_of_one_that_a_batch_norm_cannot_train_on_is_told():
    assert check(torchvision("resnet18", batch=1)) == []
    (problem,) = check(torchvision("resnet18", batch=1), size=32)
    assert "images [1, 1, 32, 32] to train" in problem


@pytest.mark.parametrize(
    ("architecture", "features"),
    [("resnet18", 512), ("mobilenet_v3_small", 1024), ("squeezenet1_1", 3)],
)
def test_features_are_what_the_last_linear_layer_is_given_or_the_scores(architecture, features):
    network = build_classifier(torchvision(architecture), classes=3, size=64, seed=1).eval()
    images = torch.rand(2, 1, 64, 64)
    scores, found = network.scores_and_features(images)
    assert scores.shape == (2, 3)
    assert found.shape == (2, features)
    assert torch.equal(network(images), scores)
    if architecture == "resnet18":
        assert torch.equal(network.network.fc(found), scores)


def test_a_grey_image_gives_what_the_three_channels_gave(tmp_path):
    torch.manual_seed(5)
    whole = models.resnet18().eval()
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    settings = torchvision("resnet18", weights=str(tmp_path / "weights.pth"))
    assert check(settings) == []
    network = build_classifier(settings, classes=3, size=64, seed=1).eval()
    summed = whole.conv1.weight.sum(1, keepdim=True)
    assert torch.equal(network.network.conv1.weight, summed)
    assert network.network.fc.out_features == 3
    images = torch.rand(2, 1, 64, 64)
    whole.fc = nn.Identity()
    expected = whole(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(
        network.scores_and_features(images)[1], expected, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_bytes(b"text"), "holds no state dict"),
        (lambda path: torch.save(nn.Linear(2, 2), path), "holds no state dict"),
        (lambda path: torch.save({"state_dict": {}}, path), "holds no state dict"),
        (lambda path: torch.save({1: torch.zeros(2)}, path), "holds no state dict"),
        (lambda path: torch.save(models.squeezenet1_1().state_dict(), path), "is not of resnet18"),
        (lambda path: torch.save(models.resnet34().state_dict(), path), "unexpected, such as"),
    ],
    ids=["missing", "text", "pickle", "nested", "numbered", "squeezenet", "resnet34"],
)
def test_a_file_of_weights_that_does_not_fit_is_told(tmp_path, write, words):
    write(tmp_path / "w.pth")
    (problem,) = check(torchvision("resnet18", weights=str(tmp_path / "w.pth")))
    assert problem.startswith(f"classifier.weights: {tmp_path / 'w.pth'}")
    assert words in problem


def test_old_names_of_densenets_are_read_as_the_new_ones():
    old = "features.denseblock1.denselayer2.norm.1.running_mean"
    new = "features.denseblock1.denselayer2.norm1.running_mean"
    assert OLD_DENSENET.sub(r"\1\2", old) == new
    assert OLD_DENSENET.sub(r"\1\2", new) == new


def test_only_a_file_of_weights_is_an_input():
    assert tasks["classification"].files(torchvision("resnet18", weights="w.pth")) == ["w.pth"]
    assert tasks["classification"].files(torchvision("resnet18")) == []
    assert tasks["classification"].files(classifiers["frid_adar"].Settings()) == []


# python --------------------------------------------------------------------------------------


def test_a_function_of_the_working_directory_builds_the_network(python):
    settings = python(DROPPING, module="mine.nets")
    assert check(settings) == []
    network = build_classifier(settings, classes=3, size=40, seed=1)
    assert network(torch.zeros(2, 1, 40, 40)).shape == (2, 3)
    assert network.scores_and_features(torch.zeros(2, 1, 40, 40))[1].shape == (2, 8)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere_at_all", "'entry' cannot be imported: ModuleNotFoundError: No module"),
        ("def build(:", "'entry' cannot be imported: SyntaxError"),
        ("def biuld(classes, size): ...", "has no function 'build'; did you mean 'biuld'?"),
        ("build = 3", "has no function 'build'"),
        ("def build(classes): ...", "entry:build(3, 64), of so many classes"),
        ("def build(classes, size): return [1]", "returns builtins.list; a torch.nn.Module"),
        (
            "import torch\ndef build(classes, size): return torch.nn.Flatten()",
            "has no weights to train",
        ),
        (
            "import torch\ndef build(classes, size):\n"
            "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size**2, 5))",
            "gives [2, 5] for images [2, 1, 64, 64] to predict; scores [2, 3] are right",
        ),
        (
            "import torch\ndef build(classes, size): return torch.nn.Conv2d(3, classes, 3)",
            "cannot take images [2, 1, 64, 64] to predict: RuntimeError",
        ),
        (
            "from torch import nn\ndef build(classes, size):\n"
            "    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))",
            "has lazy layers",
        ),
        (
            "from torch import nn\ndef build(classes, size):\n"
            "    last = nn.Linear(size**2, classes)\n"
            "    nn.init.constant_(last.bias, float('nan'))\n"
            "    return nn.Sequential(nn.Flatten(), last)",
            "gives scores that are no finite numbers for images [2, 1, 64, 64] to predict",
        ),
    ],
)
def test_mistakes_in_an_entry_are_told_before_the_run(python, source, words):
    (problem,) = check(python(source))
    assert problem.startswith("classifier.entry: ")
    assert "entry" in problem
    assert words in problem


def test_a_missing_module_is_told_with_where_it_was_looked_for(python, tmp_path):
    settings = python("", module="other.net")
    for entry, missing in (("nets:build", "nets"), ("other.nets:build", "other.nets")):
        (problem,) = check(settings.model_copy(update={"entry": entry}))
        assert f"there is no module '{missing}', neither in {tmp_path}" in problem


@pytest.mark.parametrize("entry", ["nets", "nets.py:build", "my nets:build", "nets:", ":build"])
def test_an_entry_names_a_module_and_a_function(entry):
    settings = classifiers["python"].Settings(entry=entry)
    problems = list(classifiers["python"].problems(settings, 64))
    assert bool(problems) == (entry != "nets.py:build")


def test_a_changed_file_of_the_users_package_changes_the_hash(python, tmp_path):
    alone = python(DROPPING)
    package = python(DROPPING, module="mine.nets")
    (tmp_path / "mine" / "__init__.py").touch()
    hashes = [classifiers["python"].user_code(settings) for settings in (alone, package)]
    assert all(hashes)
    (tmp_path / "mine" / "parts.py").write_text("a = 1")
    assert classifiers["python"].user_code(alone) == hashes[0]
    assert classifiers["python"].user_code(package) != hashes[1]
    python(f"{DROPPING}\n    a = 1\n")
    assert classifiers["python"].user_code(alone) != hashes[0]
    assert classifiers["frid_adar"].user_code(alone) == ""


# Training ------------------------------------------------------------------------------------


def test_classes_that_can_be_told_are_told(striped_classes, python):
    images, labels = striped_classes
    settings = python(DROPPING, learning_rate=0.05, batch=16)
    ended = trained(settings, images, labels, updates=80)
    probabilities, features = predict(ended.network, images)
    assert (probabilities.argmax(1) == labels).mean() > 0.95
    assert features.shape == (80, 8)
    network = load_classifier(ended.network.state_dict(), settings, classes=2, size=32)
    np.testing.assert_array_equal(predict(network, images)[0], probabilities)


@pytest.mark.parametrize("kind", ["python", "torchvision"])
def test_the_seed_decides_the_bytes(striped_classes, python, kind):
    images, labels = striped_classes
    settings = python(DROPPING, batch=16)
    if kind == "torchvision":
        settings = torchvision("mobilenet_v3_small", batch=8)  # it has dropout
    first = trained(settings, images, labels, updates=3)
    torch.manual_seed(8)  # of no effect
    assert same(first.network, trained(settings, images, labels, updates=3).network)
    assert not same(first.network, trained(settings, images, labels, updates=3, seed=12).network)


def test_dropout_is_drawn_by_the_seed_and_the_update(striped_classes, python):
    images, labels = striped_classes
    begun = training(python(DROPPING), images, labels)
    begun.seed_step(7)
    state = torch.random.get_rng_state()
    torch.manual_seed(seeds.derive(11, "drop", 7))
    assert torch.equal(state, torch.random.get_rng_state())
    x = torch.rand(8, 1, 32, 32)
    begun.network.train()
    begun.seed_step(7)
    first = begun.network(x)
    begun.seed_step(7)
    assert torch.equal(first, begun.network(x))
    assert not torch.equal(first, begun.network(x))


class Killed(Exception):
    pass


class Dying(Checkpoint):
    def save(self, state):
        super().save(state)
        if state["update"] == 7:
            raise Killed


def test_a_killed_training_goes_on_as_if_nothing_had_happened(striped_classes, python, tmp_path):
    images, labels = striped_classes
    settings = python(DROPPING, batch=16)
    straight = trained(settings, images, labels, eval_updates=[5, 7])
    dying = Dying(tmp_path, "key", every=0)
    with pytest.raises(Killed):
        trained(settings, images, labels, eval_updates=[5, 7], checkpoint=dying)
    later = Checkpoint(tmp_path, "key", every=1e9)
    resumed = training(settings, images, labels, eval_updates=[5, 7], checkpoint=later)
    assert resumed.update == 7
    (resumed,) = train_all([lambda: resumed], CPU)
    assert same(straight.network, resumed.network)
    assert straight.history == resumed.history


def test_networks_in_processes_are_those_trained_alone(striped_classes, python, tmp_path):
    images, labels = striped_classes
    settings = python(DROPPING, batch=16)
    makers = [
        lambda seed=seed: training(
            settings, images, labels, seed=seed, checkpoint=Checkpoint(tmp_path, seed)
        )
        for seed in (1, 2, 3)
    ]
    for seed, ended in zip((1, 2, 3), train_all(makers, CPU, workers=2), strict=True):
        assert same(ended.network, trained(settings, images, labels, seed=seed).network)


def test_on_a_gpu_they_train_one_at_a_time(striped_classes, python, monkeypatch):
    images, labels = striped_classes

    class LikeGpu(Device):
        is_gpu = True

    groups = []
    monkeypatch.setattr(engine, "_side_by_side", lambda group, device: groups.append(len(group)))
    gpu = LikeGpu(torch.device("cpu"), bfloat16=False)
    for settings in (python(DROPPING), classifiers["frid_adar"].Settings(channels=[4])):
        makers = [lambda s=settings: training(s, images, labels) for _ in range(3)]
        assert len(list(train_all(makers, gpu))) == 3
    assert groups == [1, 1, 1, 3]


def test_batch_norms_learn_while_training_and_rest_while_predicting(striped_classes, python):
    images, labels = striped_classes
    begun = training(python(DROPPING, batch=16), images, labels)
    (norm,) = [layer for layer in begun.network.modules() if isinstance(layer, nn.BatchNorm2d)]
    begun.step(*begun.sample_inputs(0))
    after_one = norm.running_mean.clone()
    assert after_one.abs().sum() > 0
    whole, _ = predict(begun.network, images)
    alone, _ = predict(begun.network, images[:1])
    assert not begun.network.training
    assert torch.equal(norm.running_mean, after_one)
    np.testing.assert_array_equal(whole[:1], alone)
    begun.step(*begun.sample_inputs(1))
    assert begun.network.training
    assert not torch.equal(norm.running_mean, after_one)


def test_epochs_are_drawn_in_full_batches(striped_classes, python):
    images, labels = striped_classes
    learnt = TrainingSet(images[:33], labels[:33], ("roi",) * 33, ("a",))
    options = {"classes": ("a", "b"), "seed": 1, "device": CPU}
    task, budget = tasks["classification"], Budget(epochs=3)
    begun = task.training(learnt, python(DROPPING, batch=16), budget, **options)
    assert begun.updates == 7  # 3 x 33 / 16, rounded up
    assert {len(begun.sample_inputs(update)[0]) for update in range(7)} == {16}
    papers = classifiers["frid_adar"].Settings(batch=16, channels=[4])
    assert task.training(learnt, papers, budget, **options).updates == 9


# Costs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["resnet18", "mobilenet_v3_small", "regnet_x_400mf"])
def test_the_weights_of_the_cost_are_those_of_the_network(architecture):
    settings = torchvision(architecture, batch=2)
    network = build_classifier(settings, classes=3, size=64, seed=1)
    cost = tasks["classification"].cost(settings, classes=3, size=64)
    assert cost.weights == sum(parameter.numel() for parameter in network.parameters())


def test_the_cost_is_that_of_the_papers_network_where_that_is_counted(python):
    papers = classifiers["frid_adar"]
    settings = papers.Settings(batch=8)
    network = build_classifier(settings, classes=3, size=64)
    counted = image_cost(network.to("meta"), 64)
    stated = papers.cost(settings, classes=3, size=64)
    assert counted.weights == stated.weights
    assert 8 * counted.multiply_adds == pytest.approx(stated.multiply_adds, rel=0.05)
    assert 8 * counted.activations == pytest.approx(stated.activations, rel=0.5)


def test_an_entry_that_cannot_be_built_is_told_wherever_it_is_asked_for(python):
    with pytest.raises(UserError, match="no module"):
        tasks["classification"].cost(
            classifiers["python"].Settings(entry="nowhere:build"), classes=3, size=64
        )
