"""Training engines against plain PyTorch loops over the same arrays, on one core or a GPU.

Run `python -m benchmarks.engines`: about three minutes on one core. With Keras 3 installed
(`pip install keras`; it runs on PyTorch here) its `model.fit` stands beside the classifier's. On a
GPU there is a column for networks side by side, images a second of all together; PyTorch, NumPy and
pandas suffice there, and the engine's bfloat16 autocast stands against the plain loop's float32.
Building a network counts on neither side, nor does carrying the training set to the GPU, which the
engine does once; capturing a graph does.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from augtrial.classifier_training import ClassifierTraining
from augtrial.device import Device, training_device
from augtrial.engine import train_all
from augtrial.synthesizers.adversarial import PairTraining
from augtrial.synthesizers.dcgan import draw_weights
from benchmarks.paired import Seconds, markdown, paired

SIZE, CLASSES = 64, 3
TOGETHER = 12  # networks side by side on a GPU
LONGER = 50  # times as many updates are timed on a GPU
CLASSIFIERS = [  # whose, channels, dense, updates timed
    ("quick.yaml's", [16, 32, 64], 128, 12),
    ("the trials'", [8, 16, 32], 64, 24),
    ("the paper's", [32, 64, 128], 256, 3),
]
SYNTHESIZERS = [  # whose, generator's channels, batch, updates timed
    ("quick.yaml's", [64, 32, 16, 8], 16, 20),
    ("the trials'", [128, 64, 32, 16], 16, 10),
    ("half the paper's", [512, 256, 128, 64], 64, 1),
]
PAPERS = [
    ("the paper's", [1024, 512, 256, 128], 64, 1)
]  # on a GPU alone: a core takes long for a step


class Images(Dataset):
    """Images and labels one by one, as a plain loop reads them."""

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, scale: float, less: torch.Tensor | float
    ) -> None:
        """Keep the arrays; an image is divided by `scale`, and `less` is taken away."""
        self.images, self.labels, self.scale, self.less = images, labels, scale, less

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return an image [1, s, s] and its class."""
        image = torch.from_numpy(self.images[index]).float() / self.scale
        return (image - self.less)[None], int(self.labels[index])


def plain_classifier(
    images: np.ndarray, labels: np.ndarray, settings: SimpleNamespace, device: torch.device
) -> Seconds:
    """Train the paper's CNN for one epoch, as a tutorial would; return the seconds."""
    layers: list[nn.Module] = []
    side = SIZE
    for before, after in itertools.pairwise([1, *settings.channels]):
        layers += [nn.Conv2d(before, after, 3), nn.ReLU(), nn.MaxPool2d(2)]
        side = (side - 2) // 2
    dense = nn.Linear(settings.channels[-1] * side * side, settings.dense)
    head = nn.Linear(settings.dense, CLASSES)
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


def keras_classifier(images: np.ndarray, labels: np.ndarray, settings: SimpleNamespace) -> Seconds:
    """Train the same CNN for one epoch with Keras 3; return the seconds."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    layers: list = [keras.layers.Input((SIZE, SIZE, 1))]
    for width in settings.channels:
        layers += [keras.layers.Conv2D(width, 3, activation="relu"), keras.layers.MaxPool2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(settings.dense, activation="relu")]
    layers += [keras.layers.Dropout(0.5), keras.layers.Dense(CLASSES, activation="softmax")]
    model = keras.Sequential(layers)
    optimiser = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    model.compile(optimiser, "sparse_categorical_crossentropy")
    data = images[..., None].astype(np.float32) / 255
    data -= data.mean(0)
    begin = time.perf_counter()
    model.fit(data, labels, batch_size=settings.batch, epochs=1, verbose=0)
    return since(begin, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def classifier_row(
    device: Device, name: str, channels: list[int], dense: int, updates: int
) -> list[object]:
    """Time one size of the classifier: images a second of each loop, and the ratio."""
    settings = SimpleNamespace(
        channels=channels, dense=dense, dropout=0.5, learning_rate=0.01, momentum=0.9, batch=64
    )
    updates *= LONGER if device.is_gpu else 1
    images, labels = noise(updates * settings.batch)
    budget = SimpleNamespace(updates=updates, epochs=None)
    options = {"classes": CLASSES, "seed": 1, "device": device}
    make = partial(ClassifierTraining, images, labels, settings, budget, **options)
    works = {
        "plain": partial(plain_classifier, images, labels, settings, device.torch),
        "ours": partial(trained, make, device),
    }
    if device.is_gpu:
        works["together"] = partial(trained, make, device, TOGETHER)
    if find_spec("keras"):
        works["keras"] = partial(keras_classifier, images, labels, settings)
    sizes = f"{'-'.join(map(str, channels))}, dense {dense}"
    keras = ("keras",) if find_spec("keras") else ()
    return row(f"{name}: {sizes}", paired(works), len(images), ("plain", *keras))


def row(
    name: str, took: dict[str, float], images: int, others: Sequence[str] = ("plain",)
) -> list[object]:
    """Return images a second of the other loops and of ours, and ours over the plain loop."""
    rate = {key: images / own for key, own in took.items()}
    own = [key for key in ("ours", "together") if key in rate]
    if "together" in rate:
        rate["together"] *= TOGETHER
    print(name, {key: round(value, 2) for key, value in took.items()}, file=sys.stderr, flush=True)
    cells = [f"{rate[key]:.{1 if rate['plain'] < 300 else 0}f}" for key in (*others, *own)]
    return [name, *cells, *(f"{rate[key] / rate['plain']:.2f}" for key in own)]


def train(make: Callable[[], Any], device: Device, number: int = 1) -> list[Any]:
    """Train one network, or several side by side."""
    return list(train_all((make() for _ in range(number)), device))


def trained(make: Callable[[], Any], device: Device, number: int = 1) -> Seconds:
    """Train as `train` does; return the seconds of the trainings themselves."""
    return Seconds(sum(training.seconds for training in train(make, device, number)))


def since(begin: float, device: torch.device) -> Seconds:
    """Return the seconds since then, once the device has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return Seconds(time.perf_counter() - begin)


def dcgan_settings(channels: list[int], batch: int, epochs: int = 1) -> SimpleNamespace:
    """Return the settings of a DCGAN by its generator's channels."""
    return SimpleNamespace(
        network="dcgan",
        latent=100,
        generator_channels=channels,
        discriminator_channels=channels[::-1],
        kernel=5,
        epochs=epochs,
        batch=batch,
        learning_rate=0.0002,
        beta1=0.5,
        beta2=0.999,
        snapshots=1,
    )


def plain_pair(settings: SimpleNamespace) -> tuple[nn.Module, nn.Module]:
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
    images: np.ndarray, settings: SimpleNamespace, device: torch.device
) -> tuple[nn.Module, Seconds]:
    """Train a DCGAN as a tutorial would, a forward of G for each update.

    Returns:
        The generator and the seconds.
    """
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
        real, false = (own(len(batch), 1, device=device) for own in (torch.ones, torch.zeros))
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


def synthesizer_row(
    device: Device, name: str, channels: list[int], batch: int, updates: int
) -> list[object]:
    """Time one size of the DCGAN: images a second of each loop, and the ratio."""
    settings = dcgan_settings(channels, batch)
    updates *= LONGER if device.is_gpu else 1
    images, labels = noise(updates * batch)
    options = {"classes": 1, "seed": 1, "device": device}
    make = partial(PairTraining, images, labels * 0, settings, **options)
    works = {
        "plain": lambda: plain_dcgan(images, settings, device.torch)[1],
        "ours": partial(trained, make, device),
    }
    if device.is_gpu:
        works["together"] = partial(trained, make, device, TOGETHER)
    sizes = f"{'-'.join(map(str, channels))}, batch {batch}"
    return row(f"{name}: {sizes}", paired(works, 5 if updates > 1 else 3), len(images))


def noise(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of noise and their labels; what they show takes no time."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, SIZE, SIZE), np.uint8), rng.integers(0, CLASSES, count)


def text() -> str:
    """Return both tables as Markdown."""
    with training_device() as device:
        classifiers = [classifier_row(device, *one) for one in CLASSIFIERS]
        sizes = SYNTHESIZERS + (PAPERS if device.is_gpu else [])
        synthesizers = [synthesizer_row(device, *one) for one in sizes]
    together = [f"{TOGETHER} side by side"] if device.is_gpu else []
    ours = ["augtrial", *together]
    ratios = [f"{name} / plain" for name in ours]
    keras = ["Keras 3"] if find_spec("keras") else []
    head = ["images a second", "plain PyTorch"]
    return "\n\n".join(
        [
            f"Classifier, {device.name}, batch 64:",
            markdown([*head, *keras, *ours, *ratios], classifiers),
            f"DCGAN, {device.name}:",
            markdown([*head, *ours, *ratios], synthesizers),
        ]
    )


if __name__ == "__main__":
    print(text())
