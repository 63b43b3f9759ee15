"""The training of a rectified flow: clean images are predicted from noised ones.

Liu et al. 2023 (arXiv 2209.03003): the line between noise (time 0) and an image (time 1). The loss
is that of the velocity, (x - x') / (1 - t), where 1 - t counts as 0.1 at least. Times are
logit-normal (Esser et al. 2024, arXiv 2403.03206).
"""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from augtrial.core import seeds
from augtrial.synthesizers.base import TrainingData
from augtrial.synthesizers.shared.flow_network import FlowNetwork
from augtrial.synthesizers.shared.flow_sampling import integrate, to_bytes
from augtrial.synthesizers.shared.training import RecordedTraining
from augtrial.training.batches import BatchOrder
from augtrial.training.checkpoints import Checkpoint
from augtrial.training.device import Device
from augtrial.training.optimisers import adamw

LEAST = 0.1  # of 1 - t, by which the loss is weighted
CLIP = 1.0  # norm of the gradient, at most


class FlowTraining(RecordedTraining):
    """A flow on its way through its updates.

    `network` is what learns; `average` has its averaged weights, which draw. `history` has update
    and loss (the mean since the row before), which rises where the times change, half way.
    """

    def __init__(
        self,
        data: TrainingData,
        settings: Any,
        *,
        seed: int,
        device: Device,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Draw the network's weights, or go on from the checkpoint.

        `seed` draws weights, orders, noise, times and whose class is dropped.
        """
        super().__init__()
        self.settings, self.seed, self.device = settings, seed, device
        self.on_the_fly, self.checkpoint = data.on_the_fly, checkpoint
        self.labels, self.classes = data.labels.astype(np.int64), len(data.classes)
        self.size = data.images.shape[-1]
        self.network = FlowNetwork(classes=self.classes, channels=settings.channels, size=self.size)
        self.network.draw_weights(seeds.torch_generator(seed, "weights"))
        form: Any = {"memory_format": torch.channels_last}
        self.network.to(device.torch, **form)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.rate = torch.zeros((), device=device.torch)
        betas = settings.beta1, settings.beta2
        self.optimiser = adamw(self.network.parameters(), self.rate, betas, device=device)
        self.pixels = torch.from_numpy(data.images)[:, None].to(device.torch)
        self.order = BatchOrder(len(data.images), settings.batch, seed=seed, whole=True)
        self.updates = settings.updates
        self.plan_record(settings.snapshots)
        self.total = torch.zeros((), device=device.torch)
        if checkpoint is not None and (state := checkpoint.load()):
            for name, part in self._parts().items():
                if state[name]:
                    part.load_state_dict(state[name])
            self.history, self.snapshots = state["history"], state["snapshots"]
            self.update, self.seconds = state["update"], state["seconds"]
            self.total.copy_(state["total"])

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("network", "average", "optimiser")}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averaged weights."""
        return self.average.state_dict()

    def sample_inputs(self, update: int) -> tuple[Tensor, ...]:
        """Return images, classes, noise, times, the learning rate, the average's step, variants."""
        settings, chance = self.settings, seeds.torch_generator(self.seed, "step", update)
        chosen = self.order.indices(update)
        noise = torch.randn(settings.batch, 1, self.size, self.size, generator=chance)
        mean = settings.times[2 * update >= self.updates]
        times = (mean + torch.randn(settings.batch, generator=chance)).sigmoid()
        dropped = torch.rand(settings.batch, generator=chance) < settings.class_dropout
        labels = torch.from_numpy(self.labels[chosen]).masked_fill(dropped, self.classes)
        rate = settings.learning_rate * min(1, (update + 1) / settings.warmup)
        half_life = min(settings.half_life, 10 + 0.08 * update)
        numbers = torch.tensor([rate, 1 - 0.5 ** (1 / half_life)])
        inputs = [torch.from_numpy(chosen), labels, noise, times, *numbers]
        if self.on_the_fly is not None:
            inputs += self.on_the_fly.sample_inputs(chosen, update)
        return tuple(inputs)

    def step(self, *inputs: Tensor) -> None:
        """Change the weights by one batch, and their average by a step towards them."""
        index, labels, noise, times, rate, towards, *variants = inputs
        images = self.pixels[index].float() / 255
        if self.on_the_fly is not None:
            images = self.on_the_fly.insert(images, *variants)
        images, left = 2 * images - 1, (1 - times)[:, None, None, None]
        with self.device.autocast():
            clean = self.network(torch.lerp(images, noise, left), times, labels)
        loss = ((images - clean.float()) / left.clamp(min=LEAST)).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.rate.copy_(rate)
        self.optimiser.step()
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
            for kept, now in pairs:
                kept.lerp_(now, towards)
            self.total += loss

    def on_log(self) -> None:
        """Note a row of the history, a snapshot, a checkpoint."""
        if self.update in self.log_steps:
            before = self.history[-1]["update"] if self.history else 0
            self.record({"loss": self.total.item() / (self.update - before)})
            self.total.zero_()
        ended = self.update == self.updates
        if self.checkpoint is not None and (ended or self.checkpoint.is_due()):
            states = {
                name: None if ended and part is not self.average else part.state_dict()
                for name, part in self._parts().items()
            }
            names = ("history", "snapshots", "total", "update", "seconds")
            self.checkpoint.save(states | {name: getattr(self, name) for name in names})

    def draw(self, number: int) -> Tensor:
        """Return images uint8 [classes, number, s, s] of noise that all classes share."""
        chance = seeds.torch_generator(self.seed, "snapshot")
        noise = torch.randn(number, 1, self.size, self.size, generator=chance)
        labels = torch.arange(self.classes).repeat_interleave(number).to(self.device.torch)
        noised = noise.repeat(self.classes, 1, 1, 1).to(self.device.torch)
        images = integrate(self.average, noised, labels, start=0.0, steps=self.settings.steps)
        return to_bytes(images).view(self.classes, number, self.size, self.size)
