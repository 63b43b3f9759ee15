"""The CNN that is judged: its layers, its training and its predictions.

Frid-Adar et al. 2018, section 2.3: three 3x3 convolutions with max-pooling, a dense layer with
dropout, softmax. "About 1.3 M parameters" fits valid (unpadded) convolutions: 1,273,347.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from augtrial import seeds
from augtrial.optimisers import Sgd
from augtrial.settings import Budget, ClassifierSettings
from augtrial.training import Checkpoint, Device, batch_order

if TYPE_CHECKING:  # its import takes a second that few arms need
    from augtrial.classic import OnlineVariants


class Classifier(nn.Module):
    """The paper's CNN for size x size images, with every width a setting.

    Weights are Glorot-uniform and biases zero (not stated in the paper). The training mean is a
    buffer, so that a state dict predicts by itself.
    """

    def __init__(
        self,
        *,
        classes: int,
        size: int = 64,
        channels: Sequence[int] = (32, 64, 128),
        dense: int = 256,
        dropout: float = 0.5,
        generator: torch.Generator | None = None,
    ) -> None:
        """Build the layers; `generator` draws the weights."""
        super().__init__()
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(1, 1, size, size))
        widths = [1, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3) for before, after in itertools.pairwise(widths)
        )
        side = size
        for _ in channels:
            side = (side - 2) // 2
        self.dense = nn.Linear(channels[-1] * side * side, dense)
        self.head = nn.Linear(dense, classes)
        for layer in [*self.convolutions, self.dense, self.head]:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def features(self, images: Tensor) -> Tensor:
        """Return the dense layer's output [n, dense] for images [n, 1, s, s] in [0, 1]."""
        x = images - self.mean
        for convolution in self.convolutions:
            x = F.relu(F.max_pool2d(convolution(x), 2))  # the two commute; this order is quicker
        return F.relu(self.dense(x.flatten(1)))

    def forward(self, images: Tensor, kept: Tensor | None = None) -> Tensor:
        """Return class scores [n, classes] before the softmax.

        Args:
            images: [n, 1, s, s] in [0, 1].
            kept: while training, the dropout mask [n, dense] of zeros and ones.
        """
        x = self.features(images)
        if kept is not None:
            x = x * kept / (1 - self.dropout)
        return self.head(x)


def build_classifier(
    settings: ClassifierSettings, *, classes: int, size: int, seed: int | None = None
) -> Classifier:
    """Return the network of these settings; `seed` draws its weights."""
    return Classifier(
        classes=classes,
        size=size,
        channels=settings.channels,
        dense=settings.dense,
        dropout=settings.dropout,
        generator=None if seed is None else seeds.torch_generator(seed, "weights"),
    )


def number_of_updates(images: int, settings: ClassifierSettings, budget: Budget) -> int:
    """Return how many gradient updates a budget means for a training set of this size."""
    if budget.updates is not None:
        return budget.updates
    return budget.epochs * -(-images // settings.batch)


@dataclass(frozen=True)
class Trained:
    """A trained network, what it was at its stops, and how it went.

    `network` is on the CPU; `stops` holds its state dict after so many updates; `history` has
    update, epoch, loss and accuracy (means of the training batches since the row before).
    """

    network: Classifier
    stops: dict[int, dict[str, Tensor]]
    history: list[dict[str, float]]


def train_classifier(
    images: np.ndarray,
    labels: np.ndarray,
    settings: ClassifierSettings,
    budget: Budget,
    *,
    classes: int,
    seed: int,
    device: Device,
    online: "OnlineVariants | None" = None,
    checkpoint: Checkpoint | None = None,
    stops: Sequence[int] = (),
    records: int = 50,
) -> Trained:
    """Train on one arm's training set and return the network of the last update.

    Args:
        images: uint8 [n, s, s].
        labels: class indices [n].
        settings: network and optimiser.
        budget: epochs or updates.
        classes: number of classes.
        seed: draws weights, orders and dropout.
        device: where to train.
        online: the lesions behind the first images, which are drawn anew in every batch.
        checkpoint: where to go on from.
        stops: numbers of updates after which the network is kept as well, short of the last.
        records: rows of the history, at most.
    """
    size = images.shape[-1]
    network = build_classifier(settings, classes=classes, size=size, seed=seed)
    network.mean.copy_(torch.from_numpy(images.mean(axis=0, dtype=np.float64) / 255))
    # Channels last is a third quicker on a CPU; the numbers are those of another sum order.
    network.to(device.torch, memory_format=torch.channels_last)
    optimiser = Sgd(network.parameters(), settings.learning_rate, settings.momentum)
    pixels = torch.from_numpy(images)[:, None].to(device.torch, memory_format=torch.channels_last)
    targets = torch.from_numpy(labels.astype(np.int64)).to(device.torch)
    updates = number_of_updates(len(images), settings, budget)
    milestones = {updates * row // records for row in range(1, records + 1)}
    history: list[dict[str, float]] = []
    kept_at: dict[int, dict[str, Tensor]] = {}
    totals = torch.zeros(3, device=device.torch)  # loss, correct, images
    begin = 0
    if checkpoint is not None and (state := checkpoint.load()):
        network.load_state_dict(state["network"])
        if state["optimiser"]:
            optimiser.load_state_dict(state["optimiser"])
        history, kept_at, begin = state["history"], state["stops"], state["update"]
        totals.copy_(state["totals"])
    for update in range(begin, updates):
        chosen = batch_order(
            len(images), settings.batch, update, seed=seed, whole=budget.updates is not None
        )
        index = torch.from_numpy(chosen).to(device.torch)
        kept = _dropout_mask(len(chosen), settings, seeds.torch_generator(seed, "drop", update))
        batch, target = pixels[index].float() / 255, targets[index]
        if online is not None:
            places = np.flatnonzero(chosen < len(online.contexts))
            fresh = torch.from_numpy(online.draw(chosen[places], update))[:, None].float() / 255
            batch[torch.from_numpy(places).to(device.torch)] = fresh.to(device.torch)
        with device.autocast():
            scores = network(batch, kept.to(device.torch))
        loss = F.cross_entropy(scores.float(), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            correct = (scores.argmax(1) == target).sum()
            totals += torch.stack([loss * len(chosen), correct, correct.new_tensor(len(chosen))])
        if update + 1 in milestones:
            seen = (update + 1) * settings.batch / len(images)
            history.append(_record(update + 1, seen, totals))
            totals.zero_()
        if update + 1 in stops and update + 1 < updates:
            kept_at[update + 1] = _copied(network)
        ended = update + 1 == updates
        if checkpoint is not None and (ended or checkpoint.is_due()):
            checkpoint.save(
                {
                    "network": network.state_dict(),
                    "optimiser": None if ended else optimiser.state_dict(),
                    "history": history,
                    "stops": kept_at,
                    "update": update + 1,
                    "totals": totals,
                }
            )
    network = network.cpu().to(memory_format=torch.contiguous_format)
    return Trained(network, kept_at, history)


def _copied(network: Classifier) -> dict[str, Tensor]:
    """Return the state dict as it is now, on the CPU."""
    state = network.state_dict().items()
    return {
        key: value.to("cpu", memory_format=torch.contiguous_format, copy=True)
        for key, value in state
    }


def _dropout_mask(images: int, settings: ClassifierSettings, generator: torch.Generator) -> Tensor:
    mask = torch.empty(images, settings.dense)
    return mask.bernoulli_(1 - settings.dropout, generator=generator)


def _record(update: int, epoch: float, totals: Tensor) -> dict[str, float]:
    loss, correct, images = totals.tolist()
    return {
        "update": update,
        "epoch": round(epoch, 3),
        "loss": loss / images,
        "accuracy": correct / images,
    }


@torch.no_grad()
def predict(network: Classifier, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities [n, classes] and features [n, dense] of uint8 images [n, s, s].

    Each image is predicted in a batch of a fixed size, so that its numbers do not depend on
    which other images were asked for.
    """
    batch = 64
    probabilities, features = [], []
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        padded = np.zeros((batch, *images.shape[1:]), np.uint8)
        padded[: len(part)] = part
        x = network.features(torch.from_numpy(padded)[:, None].float() / 255)
        probabilities.append(F.softmax(network.head(x).double(), dim=1)[: len(part)].numpy())
        features.append(x[: len(part)].numpy())
    return np.concatenate(probabilities), np.concatenate(features)


def stop_name(recipe: str, stop: int) -> str:
    """Return under which name the network of a stop stands beside its recipe's."""
    return f"{recipe}@{stop}"


def recipe_and_stop(name: str) -> tuple[str, int | None]:
    """Return the recipe of a network's name and its stop; None for the end of its training."""
    recipe, _, stop = name.partition("@")
    return recipe, int(stop) if stop else None


def load_classifiers(
    state: Mapping[str, Tensor], settings: ClassifierSettings, *, classes: int, size: int
) -> dict[str, Classifier]:
    """Return the networks of a state dict by name; its keys read "<name>/<parameter>".

    A name is a recipe's, or that of a stop (see `stop_name`).
    """
    networks: dict[str, Classifier] = {}
    for name in dict.fromkeys(key.split("/")[0] for key in state):
        own = {k.split("/", 1)[1]: v for k, v in state.items() if k.split("/")[0] == name}
        networks[name] = build_classifier(settings, classes=classes, size=size)
        networks[name].load_state_dict(own)
    return networks
