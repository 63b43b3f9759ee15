"""How near each training step comes to what the machine could do at all.

Run `python -m benchmarks.roofline [config ...]`: two minutes on one core for config/quick.yaml.
A step cannot be faster than its multiplications at the speed of this machine's matrix product,
nor than its fewest bytes (images, weights and the optimiser's memories, read and written once)
at the speed of a copy; its floor is the larger of the two.
"""

import sys
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from torch import nn

from augtrial.classifier import build_classifier
from augtrial.classifier_training import train_classifier
from augtrial.device import Device, training_device
from augtrial.settings import (
    AcganSettings,
    Budget,
    ClassifierSettings,
    DcganSettings,
    Settings,
    read_settings_file,
)
from augtrial.synthesizers.adversarial import build_pair, train_pair
from augtrial.work import classifier_work, synthesizer_work
from benchmarks.ceiling import Ceiling
from benchmarks.paired import markdown, seconds

CONFIGS = ("config/quick.yaml",)
CLASSES = 3
LEAST_SECONDS = 2.0  # that a measurement of steps should take


def classifier_step(settings: ClassifierSettings, size: int) -> tuple[float, float]:
    """Return the operations and the fewest bytes of one update of the classifier.

    Of the four outputs under a pool one passes a gradient; the first layer asks for none of its
    images.
    """
    passing, before, side = [], 1, size
    for width in settings.channels:
        side = (side - 2) // 2
        passing.append(side**2 * 9 * before * width)
        before = width
    dense = side**2 * before * settings.dense + settings.dense * CLASSES
    forward = classifier_work(settings, size, CLASSES)
    products = forward + 2 * (sum(passing) + dense) - passing[0]
    network = build_classifier(settings, classes=CLASSES, size=size)
    return _step(products, settings.batch, network, memories=1, size=size)


def synthesizer_step(settings: DcganSettings | AcganSettings, size: int) -> tuple[float, float]:
    """Return the operations and the fewest bytes of one update of both networks.

    G runs forward once and backward once; D runs forward three times, backward twice for its own
    weights, and once for its images alone. Products that `synthesizers.winograd` spares with tiles
    of 4 x 4 do not count.
    """
    generator, discriminator = (
        work - spared
        for work, spared in zip(synthesizer_work(settings), _spared(settings), strict=True)
    )
    area = settings.kernel**2 * (size // 2) ** 2 * settings.discriminator_channels[0]
    products = 3 * generator + (3 + 2 * 2 + 1) * discriminator - 2 * area
    pair = build_pair(settings, classes=CLASSES, size=size)
    return _step(products, settings.batch, pair, memories=2, size=size)


def _spared(settings: DcganSettings | AcganSettings) -> Iterator[float]:
    """Yield the products of one image's forward pass in G and D that a core need not make."""
    for widths in (settings.generator_channels, settings.discriminator_channels[::-1]):
        sides = (4 * 2**place for place in range(len(widths)))
        pairs = zip(sides, pairwise(widths), strict=False)
        yield (25 - 121 / 16) * sum(side**2 * before * after for side, (before, after) in pairs)


def _step(
    products: float, batch: int, network: nn.Module, *, memories: int, size: int
) -> tuple[float, float]:
    weights = 4 * sum(parameter.numel() for parameter in network.parameters())
    return 2 * products * batch, 2 * weights * (1 + memories) + batch * size**2


def rows(settings: Settings, device: Device, ceiling: Ceiling) -> list[list[object]]:
    """Return a row for each kind of step that a study trains with."""
    size = settings.roi.size
    own = settings.classifier
    steps = {"classifier": (classifier_step(own, size), partial(_classifier, own, size, device))}
    for name, synthesizer in settings.used_synthesizers.items():
        work = partial(_synthesizer, synthesizer, size, device)
        steps[name] = synthesizer_step(synthesizer, size), work
    table = []
    for name, ((operations, moved), train) in steps.items():
        floor, took = ceiling.floor(operations, moved), _a_step(train)
        table.append(
            [
                f"{settings.study}: {name}",
                f"{operations / 1e9:.2f}",
                f"{moved / 1e6:.1f}",
                f"{1e3 * floor:.2f}",
                f"{1e3 * took:.2f}",
                f"{took / floor:.1f}",
            ]
        )
    return table


def _a_step(train) -> float:
    """Return the seconds of one step: two lengths of training, so that their start cancels."""
    few, many = 2, 4
    train(few)  # loops are compiled at their first call
    while (longer := seconds(partial(train, many))) < LEAST_SECONDS:
        few, many = many, 2 * many
    return (longer - min(seconds(partial(train, few)) for _ in range(2))) / (many - few)


def _classifier(settings: ClassifierSettings, size: int, device: Device, updates: int) -> None:
    images, labels = _noise(settings.batch * 4, size)
    budget = Budget(updates=updates)
    train_classifier(images, labels, settings, budget, classes=CLASSES, seed=1, device=device)


def _synthesizer(settings, size: int, device: Device, updates: int) -> None:
    images, labels = _noise(settings.batch, size)
    images, labels = np.tile(images, (updates, 1, 1)), np.tile(labels, updates)
    once = settings.model_copy(update={"epochs": 1, "snapshots": 1})
    train_pair(images, labels, once, classes=CLASSES, seed=1, device=device, examples=1)


def _noise(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size), np.uint8), rng.integers(0, CLASSES, count)


def text(configs: tuple[str, ...] = CONFIGS) -> str:
    """Return the table of these configs as Markdown."""
    with training_device() as device:
        ceiling = Ceiling.of(device)
        table = [
            row
            for config in configs
            for row in rows(read_settings_file(Path(config)), device, ceiling)
        ]
    columns = ["step", "GFLOP", "fewest MB", "floor, ms", "measured, ms", "measured / floor"]
    return "\n\n".join(
        [
            f"{device.name}: matrix product {ceiling.operations / 1e9:.0f} GFLOP/s, "
            f"copy {ceiling.bytes / 1e9:.1f} GB/s.",
            markdown(columns, table),
        ]
    )


if __name__ == "__main__":
    print(text(tuple(sys.argv[1:]) or CONFIGS))
