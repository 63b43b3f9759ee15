"""The training of the CNN that is judged."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from augtrial import seeds
from augtrial.batches import BatchOrder
from augtrial.checkpoints import Checkpoint
from augtrial.classifier import Classifier, build_classifier, stop_name
from augtrial.device import Device
from augtrial.engine import AHEAD, Training, train_all
from augtrial.optimisers import sgd

if TYPE_CHECKING:
    from augtrial.online import OnlineVariants
    from augtrial.settings import Budget, ClassifierSettings

NOTHING = -100  # the class of an image that only fills a batch


def number_of_updates(images: int, settings: "ClassifierSettings", budget: "Budget") -> int:
    """Return how many gradient updates a budget means for a training set of this size."""
    if budget.updates is not None:
        return budget.updates
    return budget.epochs * -(-images // settings.batch)


class ClassifierTraining(Training):
    """A classifier on its way through its budget.

    `network` is the network as it now is; `stops` holds its state dict after so many updates;
    `history` has update, epoch, loss and accuracy (means of the training batches since the row
    before).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        settings: "ClassifierSettings",
        budget: "Budget",
        *,
        classes: int,
        seed: int,
        device: Device,
        online: "OnlineVariants | None" = None,
        checkpoint: Checkpoint | None = None,
        stops: Sequence[int] = (),
        records: int = 50,
    ) -> None:
        """Draw the network's weights, or go on from the checkpoint.

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
        self.settings, self.seed, self.device = settings, seed, device
        self.online, self.checkpoint = online, checkpoint
        self.labels = labels.astype(np.int64)
        whole = budget.updates is not None
        self.order = BatchOrder(len(images), settings.batch, seed=seed, whole=whole)
        self.updates = number_of_updates(len(images), settings, budget)
        self.milestones = {self.updates * row // records for row in range(1, records + 1)}
        self.kept_at = {stop for stop in stops if stop < self.updates}
        self.looks = sorted(self.milestones | self.kept_at)
        self.history: list[dict[str, float]] = []
        self.stops: dict[int, dict[str, Tensor]] = {}
        self.totals = torch.zeros(3, device=device.torch)  # loss, correct, images
        network = build_classifier(settings, classes=classes, size=images.shape[-1], seed=seed)
        network.mean.copy_(torch.from_numpy(images.mean(axis=0, dtype=np.float64) / 255))
        # Channels last is a third quicker on a CPU; the numbers are those of another sum order.
        self.network = network.to(device.torch, memory_format=torch.channels_last)
        self.pixels = torch.from_numpy(images)[:, None].to(
            device.torch, memory_format=torch.channels_last
        )
        rates = settings.learning_rate, settings.momentum
        self.optimiser = sgd(network.parameters(), *rates, device=device)
        if checkpoint is not None and (state := checkpoint.load()):
            network.load_state_dict(state["network"])
            if state["optimiser"]:
                self.optimiser.load_state_dict(state["optimiser"])
            self.history, self.stops = state["history"], state["stops"]
            self.update = state["update"]
            self.totals.copy_(state["totals"])

    def draws(self, update: int) -> tuple[Tensor, ...]:
        """Return the batch's images, their classes, the dropout mask, and new variants."""
        batch = self.settings.batch
        chosen = self.order.of(update)
        mask = _dropout_mask(
            len(chosen), self.settings.dense, self.settings.dropout, self.seed, update
        )
        drawn = [torch.from_numpy(chosen), torch.from_numpy(self.labels[chosen]), mask]
        if self.online is not None:
            drawn += self.online.draws(chosen, update)
        if self.device.is_gpu and len(chosen) < batch:  # the rest of an epoch; shapes stay
            fills = [0, NOTHING] + [0] * len(drawn[2:])
            rest = batch - len(chosen)
            drawn = [
                torch.cat([own, own.new_full((rest, *own.shape[1:]), fill)])
                for own, fill in zip(drawn, fills, strict=True)
            ]
        return tuple(drawn)

    def step(self, *draws: Tensor) -> None:
        """Change the weights by one batch."""
        index, target, kept, *variants = draws
        batch = self.pixels[index].float() / 255
        if self.online is not None:
            batch = self.online.show(batch, *variants)
        with self.device.autocast():
            scores = self.network(batch, kept)
        loss = F.cross_entropy(scores.float(), target, ignore_index=NOTHING)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            correct, images = (scores.argmax(1) == target).sum(), (target != NOTHING).sum()
            self.totals += torch.stack([loss * images, correct, images])

    def look(self) -> None:
        """Note a row of the history, the network of a stop, a checkpoint."""
        if self.update in self.milestones:
            seen = self.update * self.settings.batch / len(self.labels)
            self.history.append(_record(self.update, seen, self.totals))
            self.totals.zero_()
        if self.update in self.kept_at:
            self.stops[self.update] = _copied(self.network)
        ended = self.update == self.updates
        if self.checkpoint is not None and (ended or self.checkpoint.is_due()):
            self.checkpoint.save(
                {
                    "network": self.network.state_dict(),
                    "optimiser": None if ended else self.optimiser.state_dict(),
                    "history": self.history,
                    "stops": self.stops,
                    "update": self.update,
                    "totals": self.totals,
                }
            )

    def networks(self, name: str) -> dict[str, dict[str, Tensor]]:
        """Return the state dicts of its stops and of its end, on the CPU, by their names."""
        states = {stop_name(name, stop): own for stop, own in self.stops.items()}
        return states | {name: _copied(self.network)}


def train_classifier(
    images: np.ndarray, labels: np.ndarray, *recipe: Any, device: Device, **options: Any
) -> ClassifierTraining:
    """Train one classifier to its end; what it is given is that of `ClassifierTraining`."""
    training = ClassifierTraining(images, labels, *recipe, device=device, **options)
    return next(train_all([training], device))


def _copied(network: Classifier) -> dict[str, Tensor]:
    """Return the state dict as it is now, on the CPU."""
    state = network.state_dict().items()
    return {
        key: value.to("cpu", memory_format=torch.contiguous_format, copy=True)
        for key, value in state
    }


@lru_cache(maxsize=2 * AHEAD)
def _dropout_mask(images: int, dense: int, dropout: float, seed: int, update: int) -> Tensor:
    """Return an update's mask [images, dense]; the arms of a fold have the same ones."""
    mask = torch.empty(images, dense)
    return mask.bernoulli_(1 - dropout, generator=seeds.torch_generator(seed, "drop", update))


def _record(update: int, epoch: float, totals: Tensor) -> dict[str, float]:
    loss, correct, images = totals.tolist()
    return {
        "update": update,
        "epoch": round(epoch, 3),
        "loss": loss / images,
        "accuracy": correct / images,
    }
