"""The trainings of single networks, behind the product's seams, as several benchmarks time them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from augtrial.config.classifier import Budget
from augtrial.core.cost import Cost
from augtrial.core.registry import synthesizers, tasks
from augtrial.imaging.training_set import TrainingSet
from augtrial.synthesizers.base import TrainingData
from augtrial.training.device import Device
from augtrial.training.engine import Training, train_all
from benchmarks.paired import Seconds

CLASSES = ("cyst", "metastasis", "hemangioma")
SIZE = 64  # the side of all images


def update_cost(settings: Any) -> Cost:
    """Return what an update of a network with these settings costs."""
    if settings.kind not in synthesizers:
        return tasks["classification"].cost(settings, classes=len(CLASSES), size=SIZE)
    kind = synthesizers[settings.kind]
    drawn, *_ = kind.networks(CLASSES).values()
    return kind.cost(settings, classes=len(drawn), size=SIZE)


def gan_settings(model: Any, channels: list[int], batch: int, **options: Any) -> Any:
    options = {"classic": 0, "samples": 1, "epochs": 1, "snapshots": 1} | options
    widths = {"generator_channels": channels, "discriminator_channels": channels[::-1]}
    return model(**widths, batch=batch, **options)


def noise(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of noise and their labels; what they show takes no time."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, SIZE, SIZE), np.uint8)
    return images, rng.integers(0, len(CLASSES), count)


def classifier(
    images: np.ndarray, labels: np.ndarray, settings: Any, updates: int, device: Device
) -> Training:
    """Return the training of a classifier that has so many updates."""
    learnt, budget = TrainingSet(images, labels, (), ()), Budget(updates=updates)
    options = {"classes": CLASSES, "seed": 1, "device": device}
    return tasks["classification"].training(learnt, settings, budget, **options)


def synthesizer(
    images: np.ndarray, labels: np.ndarray, settings: Any, device: Device, seed: int = 1
) -> Training:
    """Return the training of the first network of a synthesizer, as if all images were its own."""
    kind = synthesizers[settings.kind]
    drawn, *_ = kind.networks(CLASSES).values()
    data = TrainingData(images, labels % len(drawn), drawn)
    return kind.training(data, settings, seed=seed, device=device)


def training_seconds(make: Callable[[], Training], device: Device, number: int = 1) -> Seconds:
    """Train one network, or several side by side; return the seconds of the trainings alone."""
    return Seconds(sum(training.seconds for training in train_all([make] * number, device)))
