"""Images from a trained flow: from noise, or from images that were noised in part."""

from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from augtrial.synthesizers.base import TrainedNetwork
from augtrial.synthesizers.shared.flow_network import FlowNetwork

CHUNK = 64  # images that are drawn at once


def sample(
    trained: TrainedNetwork,
    labels: np.ndarray,
    generator: torch.Generator,
    *,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Return an image uint8 [s, s] for each label [n], in float32."""
    blank = np.zeros((len(labels), trained.size, trained.size), np.uint8)
    return refine(trained, blank, labels, 0.0, generator, device=device)  # at 0 all is noise


def refine(
    trained: TrainedNetwork,
    images: np.ndarray,
    labels: np.ndarray,
    start: float,
    generator: torch.Generator,
    *,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Return images uint8 [n, s, s] noised to the time `start` in [0, 1] and cleaned again.

    The flow takes them on as images of `labels` [n], places in the network's classes. At 0 nothing
    is left of them, at 1 they are themselves. Image i depends only on the generator, the image and
    its label. Whole chunks always: a kernel chosen by the batch's size could round another way.
    """
    settings: Any = trained.settings
    network = load_flow(trained).to(device)
    refined = np.empty_like(images)
    for first in range(0, len(images), CHUNK):
        part = slice(first, first + CHUNK)
        count = len(images[part])
        filled = np.resize(images[part], (CHUNK, *images.shape[1:]))
        clean = torch.from_numpy(filled)[:, None] / 127.5 - 1
        noise = torch.randn(clean.shape, generator=generator)
        noised = (start * clean + (1 - start) * noise).to(device)
        told = torch.from_numpy(np.resize(labels[part], CHUNK).astype(np.int64)).to(device)
        ends = integrate(network, noised, told, start=start, steps=settings.steps)
        refined[part] = to_bytes(ends)[:count].numpy()
    return refined


def load_flow(trained: TrainedNetwork) -> FlowNetwork:
    """Return the network with its trained weights."""
    settings: Any = trained.settings
    classes = len(trained.classes)
    network = FlowNetwork(classes=classes, channels=settings.channels, size=trained.size)
    network.load_state_dict(dict(trained.state))
    return network.eval()


@torch.no_grad()
def integrate(
    network: nn.Module, noised: Tensor, labels: Tensor, *, start: float, steps: int
) -> Tensor:
    """Return where the flow takes images [n, 1, s, s] of the time `start` at the time 1.

    Euler's method; from 0 to 1 it takes so many steps, from a later time as many as are left. A
    step goes along the line to the clean image that the network sees.
    """
    times = np.linspace(start, 1, ceil((1 - start) * steps) + 1).tolist()
    for time, following in pairwise(times):
        now = torch.full((len(noised),), time, device=noised.device)
        clean = network(noised, now, labels)
        noised = noised + (following - time) / (1 - time) * (clean - noised)
    return noised


def to_bytes(images: Tensor) -> Tensor:
    """Return images [n, 1, s, s] in [-1, 1] as uint8 [n, s, s], on the CPU."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)[:, 0].cpu()
