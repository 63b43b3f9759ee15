"""Networks that train in a second, and where: for the tests of what trains."""

import numpy as np
import torch

from augtrial.core.registry import synthesizers
from augtrial.synthesizers.acgan import AcganSettings
from augtrial.synthesizers.base import TrainingData
from augtrial.synthesizers.cgan import CganSettings
from augtrial.synthesizers.dcgan import DcganSettings
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.tasks.classification.training import ClassifierTraining
from augtrial.training.device import Device
from augtrial.training.engine import train_all

CPU = Device(torch.device("cpu"), bfloat16=False)
SMALL_CLASSIFIER = FridAdarSettings(channels=[4, 8], hidden_units=8, learning_rate=0.05, batch=16)
SMALL_GAN = {
    "latent": 8,
    "generator_channels": [8, 8, 4],
    "discriminator_channels": [4, 8, 8],
    "epochs": 3,
    "batch": 16,
    "snapshots": 2,
}
DCGAN, ACGAN = DcganSettings(**SMALL_GAN), AcganSettings(**SMALL_GAN, embedding=4)
CGAN = CganSettings(**SMALL_GAN, updates=0)


def gan_training(images, labels, settings, *, seed=5, device=CPU, **options):
    """Return the training of one network on images of two classes, or of one for a kind a class."""
    kind = synthesizers[settings.kind]
    classes = ("across", "along") if kind.is_joint else ("across",)
    data = TrainingData(images, labels if kind.is_joint else np.zeros_like(labels), classes)
    return kind.training(data, settings, seed=seed, device=device, **options)


def classifier_training(images, labels, settings=SMALL_CLASSIFIER, *, device=CPU, **options):
    """Return the training of a classifier of two classes, of 30 full batches."""
    options = {"updates": 30, "full_batches": True, "classes": 2, "seed": 11, **options}
    return ClassifierTraining(images, labels, settings, device=device, **options)


def watched(training):
    """Return a training that notes the mean grey level of its samples as their near-duplicates."""
    training.watch = lambda samples, update: {"near_duplicates": float(samples.mean())}
    return training


def trained_to_its_end(training):
    """Return a training after its last update."""
    return next(train_all([lambda: training], training.device))
