"""Samples: images drawn from trained generators, reproducible from (state dict, seed)."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from augtrial import seeds
from augtrial.device import Device
from augtrial.synthesizers.adversarial import build_pair, draw_latent, images_of
from augtrial.synthesizers.units import ALL, is_joint

if TYPE_CHECKING:
    from augtrial.settings import AcganSettings, DcganSettings

CHUNK = 64


def draw_samples(
    generator: nn.Module,
    count: int,
    *,
    latent: int,
    label: int,
    seed: int,
    device: str | torch.device = "cpu",
) -> np.ndarray:
    """Return `count` images of one class as uint8 [count, s, s].

    Image i has a latent of its own and batch norm is in evaluation mode, so that it is the same
    image whatever the count: 500 samples are the head of 1000.

    Args:
        generator: the trained network.
        count: images.
        latent: length of z.
        label: the index by which the generator knows the class.
        seed: of these samples.
        device: where to draw them, in float32.
    """
    generator.eval().to(device)
    chunks = max(1, -(-count // CHUNK))
    z = draw_latent(chunks * CHUNK, latent, seeds.torch_generator(seed, "latent"))
    labels = torch.full((CHUNK,), label, device=device)
    # Whole chunks always: a kernel chosen by the batch's size could round another way.
    images = [images_of(generator, part.to(device), labels).numpy() for part in z.split(CHUNK)]
    return np.concatenate(images)[:count]


def load_generator(
    state: Mapping[str, Tensor],
    label: str,
    settings: "DcganSettings | AcganSettings",
    *,
    classes: Sequence[str],
    size: int,
) -> tuple[nn.Module, int]:
    """Return the generator that draws a class, and the index by which it knows that class."""
    joint = is_joint(settings)
    unit = ALL if joint else label
    pair = build_pair(settings, classes=len(classes) if joint else 1, size=size)
    own = {k.removeprefix(f"{unit}."): v for k, v in state.items() if k.startswith(f"{unit}.")}
    pair.load_state_dict(own)
    return pair.generator, classes.index(label) if joint else 0


def draw_units(
    state: Mapping[str, Tensor],
    settings: "DcganSettings | AcganSettings",
    number: int,
    *,
    learns: Sequence[str],
    classes: Sequence[str],
    size: int,
    seed_of: Callable[[str], int],
    device: Device,
) -> dict[str, np.ndarray]:
    """Return so many images of each class learnt: `images/<class>` uint8 [number, s, s].

    Args:
        state: what `train_units` left.
        settings: networks.
        number: images of each class.
        learns: the classes to draw.
        classes: all classes.
        size: side of the images.
        seed_of: the seed of a class's samples by its name.
        device: where to draw them, in float32.
    """
    drawn = {}
    for label in learns:
        generator, index = load_generator(state, label, settings, classes=classes, size=size)
        drawn[f"images/{label}"] = draw_samples(
            generator,
            number,
            latent=settings.latent,
            label=index,
            seed=seed_of(label),
            device=device.torch,
        )
    return drawn
