"""Samples: images drawn from trained generators, reproducible from (state dict, seed)."""

import numpy as np
import torch
from torch import nn

from augtrial import seeds
from augtrial.synthesizers.adversarial import draw_latent, images_of

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
