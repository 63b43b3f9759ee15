import numpy as np
import pytest
import torch
from torchvision import models

from augtrial.core.errors import UserError
from augtrial.fidelity import features
from augtrial.fidelity.features import ClassifierFeatures, TorchvisionFeatures
from augtrial.tasks.classification.cnn import Classifier, predict

IMAGES = np.random.default_rng(0).integers(0, 255, (3, 32, 32)).astype(np.uint8)


def test_the_classifiers_features_are_its_last_layer():
    network = Classifier(classes=2, size=32, channels=(4,), hidden_units=5)
    space = ClassifierFeatures(network)
    np.testing.assert_array_equal(space.extract(IMAGES), predict(network, IMAGES)[1])
    assert space.name == "classifier features"


def test_the_classifier_sees_an_image_once_whoever_asks_for_it(monkeypatch):
    network, shown = Classifier(classes=2, size=32, channels=(4,), hidden_units=5), []

    def watched(network, images):
        shown.append(len(images))
        return predict(network, images)

    monkeypatch.setattr(features, "predict", watched)
    space = ClassifierFeatures(network)
    images = np.random.default_rng(0).integers(0, 256, (70, 32, 32), np.uint8)
    probabilities, expected = predict(network, images)
    np.testing.assert_array_equal(space.extract(images[60:]), expected[60:])
    np.testing.assert_array_equal(space.extract(images), expected)
    np.testing.assert_array_equal(
        space.predict_classes(images[:5]), probabilities[:5].argmax(axis=1)
    )
    assert shown == [10, 60]


def test_weights_from_elsewhere_are_read_by_path_and_named(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "mine.pt"
    torch.save(models.resnet18(num_classes=7).state_dict(), path)  # another head than torchvision's
    space = TorchvisionFeatures(path, "resnet18")
    assert space.name == "mine features"
    assert space.extract(IMAGES).shape == (3, 512)


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "swin_t"])
def test_no_networks_features_are_its_scores(architecture, tmp_path):
    network = models.get_model(architecture, num_classes=7)
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    images = np.zeros((1, 224, 224), np.uint8)
    assert TorchvisionFeatures(tmp_path / "mine.pt", architecture).extract(images).shape[1] > 100


def test_a_network_for_larger_images_alone_is_told(tmp_path):
    network = models.vit_b_32(image_size=224, num_classes=2)
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    space = TorchvisionFeatures(tmp_path / "mine.pt", "vit_b_32")
    with pytest.raises(UserError, match="takes no images of side 32"):
        space.check(32)


@pytest.mark.parametrize(
    ("make", "architecture", "words"),
    [
        (None, "resnet18", "does not exist"),
        (lambda path: path.write_text("x"), "resnet18", "holds no state dict"),
        (lambda path: torch.save({"a": torch.zeros(1)}, path), "resnet18", "is not of resnet18"),
        (None, "resnet19", "has no network 'resnet19'"),
        (lambda path: torch.save(torch.zeros(3), path), "resnet18", "holds no state dict"),
        (
            lambda path: torch.save(models.resnet50(num_classes=2).state_dict(), path),
            "resnet18",
            "is not of resnet18: its tensors differ",
        ),
    ],
)
def test_weights_that_do_not_fit_are_told(make, architecture, words, tmp_path):
    path = tmp_path / "weights.pt"
    if make:
        make(path)
    with pytest.raises(UserError, match=words):
        TorchvisionFeatures(path, architecture)
