"""Training engines compared with plain PyTorch loops over the same arrays, on one core or a GPU.

`python -m benchmarks engines`: about four minutes on one core. With Keras 3 installed
(`pip install keras`; it runs on PyTorch here) its `model.fit` stands beside the classifier's. On a
CPU the classifier trains without its pooling loops as well (`training.kernels.pooling`). On a GPU
there is a column for networks side by side, images a second of all together, and the engine's
precision stands against the plain loop's float32.
Building a network counts on neither side, nor does carrying the training set to the GPU, which the
engine does once; capturing a graph does.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from augtrial.synthesizers.dcgan import DcganSettings
from augtrial.synthesizers.shared.gan_training import draw_weights
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.training.device import Device, training_device
from augtrial.training.engine import Training
from augtrial.training.kernels import pooling
from benchmarks.paired import Seconds, paired, titled
from benchmarks.trainings import (
    CLASSES,
    SIZE,
    classifier,
    gan_settings,
    noise,
    synthesizer,
    training_seconds,
    update_cost,
)

NETWORKS = 12  # side by side on a GPU
# The ways to train, which are the columns of the tables.
PLAIN, KERAS, OURS = "plain PyTorch", "Keras 3", "augtrial"
NO_LOOPS, TOGETHER = "augtrial without pooling loops", f"{NETWORKS} side by side"
LONGER = 50  # times as many updates are timed on a GPU
CLASSIFIERS = [  # whose, channels, hidden units, updates timed
    ("quick.yaml's", [16, 32, 64], 128, 12),
    ("the trials'", [8, 16, 32], 64, 24),
    ("the paper's", [32, 64, 128], 256, 3),
]
SYNTHESIZERS = [  # whose, generator's channels, batch, updates timed
    ("quick.yaml's", [64, 32, 16, 8], 16, 20),
    ("the trials'", [128, 64, 32, 16], 16, 10),
    ("half the paper's", [512, 256, 128, 64], 64, 1),
]
PAPERS = [("the paper's", [1024, 512, 256, 128], 64, 1)]  # on a GPU alone: long on a core

Row = dict[str, str]  # column -> cell


class Images(Dataset):
    """Images [1, s, s] over `scale`, less `less`, and labels, as a plain loop reads them."""

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, scale: float, less: torch.Tensor | float
    ) -> None:
        self.images, self.labels, self.scale, self.less = images, labels, scale, less

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.images[index]).float() / self.scale
        return (image - self.less)[None], int(self.labels[index])


def plain_classifier(
    images: np.ndarray, labels: np.ndarray, settings: FridAdarSettings, device: torch.device
) -> Seconds:
    """Train the paper's CNN for one epoch, as a tutorial would; return the seconds."""
    layers: list[nn.Module] = []
    side = SIZE
    for before, after in itertools.pairwise([1, *settings.channels]):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
        side = (side - 2) // 2
    dense = nn.Linear(settings.channels[-1] * side * side, settings.hidden_units)
    head = nn.Linear(settings.hidden_units, len(CLASSES))
    layers += [nn.Flatten(), dense, nn.ReLU(), nn.Dropout(0.5), head]
    network = nn.Sequential(*layers).to(device)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    mean = torch.from_numpy(images.mean(axis=0) / 255).float()
    data = Images(images, labels, 255, mean)
    begin = time.perf_counter()
    for batch, target in DataLoader(data, settings.batch, shuffle=True):
        loss = F.cross_entropy(network(batch.to(device)), target.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return since(begin, device)


def keras_classifier(images: np.ndarray, labels: np.ndarray, settings: FridAdarSettings) -> Seconds:
    """Train the same CNN for one epoch with Keras 3; return the seconds."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    layers: list = [keras.layers.Input((SIZE, SIZE, 1))]
    for width in settings.channels:
        layers += [keras.layers.Conv2D(width, 3, activation="relu"), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(settings.hidden_units, activation="relu")]
    layers += [keras.layers.Dropout(0.5), keras.layers.Dense(len(CLASSES), activation="softmax")]
    model = keras.Sequential(layers)
    optimiser = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    model.compile(optimiser, "sparse_categorical_crossentropy")
    data = images[..., None].astype(np.float32) / 255
    data -= data.mean(0)
    begin = time.perf_counter()
    model.fit(data, labels, batch_size=settings.batch, epochs=1, verbose=0)
    return since(begin, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def without_loops(work: partial) -> Seconds:
    """Train a classifier whose pooling loops cannot be compiled; return the seconds."""
    with patch.object(pooling, "has_numba", return_value=False):
        return work()


def classifier_row(name: str, channels: list[int], hidden_units: int, updates: int) -> Row:
    """Time one size of the classifier: images a second of each loop, and the ratios."""
    settings = FridAdarSettings(channels=channels, hidden_units=hidden_units, learning_rate=0.01)
    with fitting_device(settings) as device:
        updates *= LONGER if device.is_gpu else 1
        images, labels = noise(updates * settings.batch)
        works = {PLAIN: partial(plain_classifier, images, labels, settings, device.torch)}
        if find_spec("keras"):
            works[KERAS] = partial(keras_classifier, images, labels, settings)
        make = partial(classifier, images, labels, settings, updates, device)
        if not device.is_gpu:
            works[NO_LOOPS] = partial(without_loops, partial(training_seconds, make, device))
        took = paired(works | engine_works(make, device))
    title = f"{name}: {'-'.join(map(str, channels))}, dense {hidden_units}"
    return rate_row(title, device, took, len(images))


def fitting_device(settings: Any) -> AbstractContextManager[Device]:
    """Return the device, and in which precision it trains a network of these settings."""
    multiply_adds = update_cost(settings).multiply_adds
    return training_device(kind=settings.kind, multiply_adds=multiply_adds)


def engine_works(make: Callable[[], Training], device: Device) -> dict[str, partial]:
    """Return the work of the engine: a network and, on a GPU, networks side by side."""
    works = {OURS: partial(training_seconds, make, device)}
    if device.is_gpu:
        works[TOGETHER] = partial(training_seconds, make, device, NETWORKS)
    return works


def rate_row(title: str, device: Device, took: dict[str, float], images: int) -> Row:
    """Return images a second of each way, and the engine's over those of the loops."""
    print(title, {way: round(value, 2) for way, value in took.items()}, file=sys.stderr, flush=True)
    rates = {way: images / seconds for way, seconds in took.items()}
    if TOGETHER in rates:
        rates[TOGETHER] *= NETWORKS
    digits = 1 if rates[PLAIN] < 300 else 0
    row = {"images a second": title, "device": device.name}
    row |= {way: f"{rate:.{digits}f}" for way, rate in rates.items()}
    ours = [way for way in (OURS, TOGETHER) if way in rates]
    row |= {f"{way} / plain": f"{rates[way] / rates[PLAIN]:.2f}" for way in ours}
    if NO_LOOPS in rates:
        row["with / without loops"] = f"{rates[OURS] / rates[NO_LOOPS]:.2f}"
    return row


def since(begin: float, device: torch.device) -> Seconds:
    """Return the seconds since then, once the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return Seconds(time.perf_counter() - begin)


def plain_pair(settings: DcganSettings) -> tuple[nn.Module, nn.Module]:
    """Return the paper's generator and discriminator from PyTorch's own layers."""
    first, *_, last = channels = settings.generator_channels
    generator: list[nn.Module] = [nn.Linear(settings.latent, 16 * first, bias=False)]
    generator += [nn.Unflatten(1, (first, 4, 4)), nn.BatchNorm2d(first), nn.ReLU()]
    for before, after in itertools.pairwise(channels):
        generator.append(nn.ConvTranspose2d(before, after, 5, 2, 2, 1, bias=False))
        generator += [nn.BatchNorm2d(after), nn.ReLU()]
    generator += [nn.ConvTranspose2d(last, 1, 5, 2, 2, 1), nn.Tanh()]
    discriminator: list[nn.Module] = [nn.Conv2d(1, last, 5, 2, 2), nn.LeakyReLU(0.2)]
    for before, after in itertools.pairwise(channels[::-1]):
        discriminator.append(nn.Conv2d(before, after, 5, 2, 2, bias=False))
        discriminator += [nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
    discriminator += [nn.Flatten(), nn.Linear(16 * first, 1)]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def plain_dcgan(
    images: np.ndarray, settings: DcganSettings, device: torch.device
) -> tuple[nn.Module, Seconds]:
    """Train a DCGAN as a tutorial would, a forward of G an update; return G and the seconds."""
    generator, discriminator = (network.to(device) for network in plain_pair(settings))
    for network in (generator, discriminator):
        draw_weights(network, torch.Generator(device).manual_seed(torch.initial_seed()))
    betas = (settings.beta1, settings.beta2)
    adam_g = torch.optim.Adam(generator.parameters(), settings.learning_rate, betas)
    adam_d = torch.optim.Adam(discriminator.parameters(), settings.learning_rate, betas)
    data = Images(images, np.zeros(len(images)), 127.5, 1)
    loader = DataLoader(data, settings.batch, shuffle=True, drop_last=True)
    begin = time.perf_counter()
    for batch, _ in itertools.chain.from_iterable(loader for _ in range(settings.epochs)):
        real, false = (fill(len(batch), 1, device=device) for fill in (torch.ones, torch.zeros))
        latent = partial(torch.rand, len(batch), settings.latent, device=device)
        fake = generator(latent() * 2 - 1).detach()
        loss = F.binary_cross_entropy_with_logits(discriminator(batch.to(device)), real)
        loss = loss + F.binary_cross_entropy_with_logits(discriminator(fake), false)
        adam_d.zero_grad()
        loss.backward()
        adam_d.step()
        fake = generator(latent() * 2 - 1)
        loss = F.binary_cross_entropy_with_logits(discriminator(fake), real)
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
    return generator, since(begin, device)


def synthesizer_row(name: str, channels: list[int], batch: int, updates: int) -> Row:
    """Time one size of the DCGAN: images a second of each loop, and the ratio."""
    settings = gan_settings(DcganSettings, channels, batch)
    with fitting_device(settings) as device:
        updates *= LONGER if device.is_gpu else 1
        images, labels = noise(updates * batch)
        make = partial(synthesizer, images, labels, settings, device)
        plain = {PLAIN: lambda: plain_dcgan(images, settings, device.torch)[1]}
        took = paired(plain | engine_works(make, device), 5 if updates > 1 else 3)
    title = f"{name}: {'-'.join(map(str, channels))}, batch {batch}"
    return rate_row(title, device, took, len(images))


def text() -> str:
    sizes = SYNTHESIZERS + (PAPERS if torch.cuda.is_available() else [])
    tables = {
        "Classifier, batch 64:": [classifier_row(*size) for size in CLASSIFIERS],
        "DCGAN:": [synthesizer_row(*size) for size in sizes],
    }
    parts = ((list(rows[0]), [row.values() for row in rows]) for rows in tables.values())
    return titled(zip(tables, parts, strict=True))
