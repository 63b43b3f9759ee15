"""The training of the network that is judged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from augtrial.core import seeds
from augtrial.core.registry import classifiers
from augtrial.tasks.classification.interface import Network
from augtrial.training.batches import BatchOrder
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.engine import Training
from augtrial.training.optimisers import sgd

if TYPE_CHECKING:
    from augtrial.imaging.on_the_fly import OnlineVariants

NOTHING = -100  # the class of an image that only fills a batch


def build_classifier(settings: Any, *, classes: int, size: int, seed: int | None = None) -> Network:
    """Return the network of these settings; `seed` draws its weights."""
    generator = None if seed is None else seeds.torch_generator(seed, "weights")
    kind = classifiers[settings.kind]
    return kind.build(settings, classes=classes, size=size, generator=generator)


def load_classifier(
    state: Mapping[str, Tensor], settings: Any, *, classes: int, size: int
) -> Network:
    """Return a trained network from its state dict."""
    network = build_classifier(settings, classes=classes, size=size)
    network.load_state_dict(state)
    return network


class ClassifierTraining(Training):
    """A classifier on its way through its budget.

    `network` is the network as it now is; `evaluated` holds its state dict after so many updates;
    `history` has update, epoch, loss and accuracy (means of the training batches since the row
    before).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        settings: Any,
        *,
        updates: int,
        full_batches: bool,
        classes: int,
        seed: int,
        device: Device,
        on_the_fly: "OnlineVariants | None" = None,
        checkpoint: Checkpoint | None = None,
        eval_updates: Sequence[int] = (),
        records: int = 50,
    ) -> None:
        """Draw the network's weights, or go on from the checkpoint.

        Args:
            images: uint8 [n, s, s].
            labels: class indices [n].
            full_batches: True draws on across the ends of epochs; False ends each with its rest.
            on_the_fly: the lesions behind the first images, which are drawn anew in every batch.
            eval_updates: after how many updates the network is kept as well, short of the last.
            records: rows of the history, at most.
        """
        self.settings, self.seed, self.device = settings, seed, device
        self.on_the_fly, self.checkpoint = on_the_fly, checkpoint
        self.labels = labels.astype(np.int64)
        self.order = BatchOrder(len(images), settings.batch, seed=seed, whole=full_batches)
        self.updates = updates
        self.milestones = {self.updates * row // records for row in range(1, records + 1)}
        self.eval_updates = {number for number in eval_updates if number < self.updates}
        self.log_steps = sorted(self.milestones | self.eval_updates)
        self.history: list[dict[str, float]] = []
        self.evaluated: dict[int, dict[str, Tensor]] = {}
        self.totals = torch.zeros(3, device=device.torch)  # loss, correct, images
        network = build_classifier(settings, classes=classes, size=images.shape[-1], seed=seed)
        network.mean.copy_(torch.from_numpy(images.mean(axis=0, dtype=np.float64) / 255))
        form: Any = {"memory_format": network.memory_format}
        self.network = network.to(device.torch, **form)
        self.side_by_side = not network.draws_itself
        self.masks = len(network.draw_masks(1, seed, 0))
        pixels = torch.from_numpy(images)[:, None]
        self.pixels = pixels.to(device.torch, memory_format=torch.channels_last)
        rates = settings.learning_rate, settings.momentum
        self.optimiser = sgd(network.parameters(), *rates, device=device)
        if checkpoint is not None and (state := checkpoint.load()):
            network.load_state_dict(state["network"])
            if state["optimiser"]:
                self.optimiser.load_state_dict(state["optimiser"])
            self.history, self.evaluated = state["history"], state["evaluated"]
            self.update, self.seconds = state["update"], state["seconds"]
            self.totals.copy_(state["totals"])

    def sample_inputs(self, update: int) -> tuple[Tensor, ...]:
        """Return the batch's images, their classes, the dropout mask, and new variants."""
        batch = self.settings.batch
        chosen = self.order.indices(update)
        inputs = [torch.from_numpy(chosen), torch.from_numpy(self.labels[chosen])]
        inputs += self.network.draw_masks(len(chosen), self.seed, update)
        if self.on_the_fly is not None:
            inputs += self.on_the_fly.sample_inputs(chosen, update)
        if self.device.is_gpu and len(chosen) < batch:  # the rest of an epoch; shapes stay
            rest, padded = batch - len(chosen), []
            for number, values in enumerate(inputs):
                fill = NOTHING if number == 1 else 0
                padded.append(torch.cat([values, values.new_full((rest, *values.shape[1:]), fill)]))
            inputs = padded
        return tuple(inputs)

    def seed_step(self, update: int) -> None:
        """Seed what the network draws itself: the same in every arm, and after a kill."""
        if self.network.draws_itself:
            torch.manual_seed(seeds.derive(self.seed, "drop", update))

    def step(self, *inputs: Tensor) -> None:
        """Change the weights by one batch."""
        self.network.train()  # predictions put it in eval mode
        index, target, *rest = inputs
        masks, variants = rest[: self.masks], rest[self.masks :]
        batch = self.pixels[index].float() / 255
        if self.on_the_fly is not None:
            batch = self.on_the_fly.insert(batch, *variants)
        with self.device.autocast():
            scores = self.network(batch, *masks)
        loss = F.cross_entropy(scores.float(), target, ignore_index=NOTHING)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            correct, images = (scores.argmax(1) == target).sum(), (target != NOTHING).sum()
            self.totals += torch.stack([loss * images, correct, images])

    def on_log(self) -> None:
        """Note a row of the history, a network to evaluate, a checkpoint."""
        if self.update in self.milestones:
            epoch = round(self.update * self.settings.batch / len(self.labels), 3)
            loss, correct, images = self.totals.tolist()
            means = {"loss": loss / images, "accuracy": correct / images}
            self.history.append({"update": self.update, "epoch": epoch, **means})
            self.totals.zero_()
        if self.update in self.eval_updates:
            self.evaluated[self.update] = _copied(self.network)
        ended = self.update == self.updates
        if self.checkpoint is not None and (ended or self.checkpoint.is_due()):
            optimiser = None if ended else self.optimiser.state_dict()
            names = ("history", "evaluated", "update", "seconds", "totals")
            state = {"network": self.network.state_dict(), "optimiser": optimiser}
            self.checkpoint.save(state | {name: getattr(self, name) for name in names})

    def networks(self, name: str) -> dict[str, dict[str, Tensor]]:
        """Return the state dicts after its `eval_updates` and at its end, on the CPU, by name."""
        states = {f"{name}@{updates}": state for updates, state in self.evaluated.items()}
        return states | {name: _copied(self.network)}


def _copied(network: Network) -> dict[str, Tensor]:
    """Return the state dict as it is now, on the CPU."""
    form: Any = {"memory_format": torch.contiguous_format, "copy": True}
    return {key: value.to("cpu", **form) for key, value in network.state_dict().items()}
