"""The network size from which bfloat16 is faster than float32 on a CPU, for `precision: auto`.
For each kind of network, `auto` takes bfloat16 from the smallest update at which this size and all
larger measured sizes are a tenth faster or more. Single updates in both precisions alternate in one
process; the ratio is shown with the smallest and the largest of five groups of updates.

`python -m benchmarks precision`: eight minutes on one core. Updates are timed by the time that
the process has worked, since other work may run beside it. The sizes go into the table of
`training.precision`.
"""

import sys
import time
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

import numpy as np

from augtrial.core.registry import synthesizers
from augtrial.synthesizers.acgan import AcganSettings
from augtrial.synthesizers.dcgan import DcganSettings
from augtrial.synthesizers.flow import FlowSettings
from augtrial.tasks.classification.networks.frid_adar import FridAdarSettings
from augtrial.training.device import Device, training_device
from augtrial.training.engine import Training
from augtrial.training.precision import feature
from benchmarks.engines import CLASSIFIERS, PAPERS, SYNTHESIZERS
from benchmarks.paired import markdown
from benchmarks.trainings import classifier, gan_settings, noise, synthesizer, update_cost

GROUPS, SECONDS = 5, 2.0  # groups of turns, and about how many seconds a group takes
GANS = [  # settings, and the sizes of which they are measured
    (DcganSettings, {}, SYNTHESIZERS + PAPERS),
    (AcganSettings, {}, SYNTHESIZERS + PAPERS),
    (AcganSettings, {"discriminator": "odena"}, SYNTHESIZERS[:1]),
]
FLOWS = [("a quarter of the weights", [32, 48, 64]), ("the default", [64, 96, 128])]


def networks() -> Iterator[tuple[str, str, Any, float]]:
    """Yield kind, widths in words, settings and the multiply-adds of an update."""
    for whose, channels, hidden_units, _ in CLASSIFIERS:
        settings: Any = FridAdarSettings(channels=channels, hidden_units=hidden_units)
        widths = f"{'-'.join(map(str, channels))}, {hidden_units}; batch {settings.batch} ({whose})"
        yield settings.kind, widths, settings, update_cost(settings).multiply_adds
    for model, options, sizes in GANS:
        for whose, channels, batch, _ in sizes:
            settings = gan_settings(model, channels, batch, **options)
            words = ", ".join([whose, *(f"{key} {value}" for key, value in options.items())])
            widths = f"{'-'.join(map(str, channels))}; batch {batch} ({words})"
            yield settings.kind, widths, settings, update_cost(settings).multiply_adds
    for whose, channels in FLOWS:
        settings = FlowSettings(channels=channels)
        widths = f"{'-'.join(map(str, channels))}; batch {settings.batch} ({whose})"
        yield settings.kind, widths, settings, update_cost(settings).multiply_adds


def training(settings: Any, device: Device) -> Training:
    images, labels = noise(4 * settings.batch)
    if settings.kind in synthesizers:
        return synthesizer(images, labels, settings, device)
    return classifier(images, labels, settings, 1, device)


def turns(trainings: list[Training]) -> Iterator[list[float]]:
    """Yield the seconds that an update of each takes, again and again."""
    for update in count():
        took = []
        for network in trainings:
            inputs = network.sample_inputs(update)
            begin = time.process_time()
            network.step(*inputs)
            took.append(time.process_time() - begin)
        yield took


def row(kind: str, widths: str, settings: Any, multiply_adds: float) -> list[object]:
    """Return the times of a network's update in both precisions, and their ratio."""
    with training_device("cpu", "float32") as exact, training_device("cpu", "bfloat16") as rounded:
        going = turns([training(settings, device) for device in (exact, rounded)])
        first = [next(going), next(going)][1]  # the first of all compiles and takes memory
        each = max(1, round(SECONDS / sum(first)))
        groups = [[next(going) for _ in range(each)] for _ in range(GROUPS)]
    medians = np.array([np.median(group, axis=0) for group in groups])
    ratios = sorted(medians[:, 0] / medians[:, 1])
    times = [f"{1e3 * seconds:.1f}" for seconds in np.median(medians, axis=0)]
    spread = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    cells = [kind, widths, f"{multiply_adds / 1e9:.3g}", *times, spread]
    print(*cells, file=sys.stderr, flush=True)
    return cells


def text() -> str:
    with training_device("cpu") as device:
        found = feature(device.torch) or "no bfloat16"
    columns = ["kind", "widths", "10^9 multiply-adds", "float32, ms", "bfloat16, ms"]
    table = markdown([*columns, "float32 / bfloat16"], [row(*network) for network in networks()])
    return f"CPU with {found}, milliseconds of a core for an update:\n\n{table}"
